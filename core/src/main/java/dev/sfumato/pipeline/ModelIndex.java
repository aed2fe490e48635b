package dev.sfumato.pipeline;

import dev.sfumato.SfumatoException;
import dev.sfumato.io.JsonFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;

/**
 * What {@code model_index.json} says of a model directory, or, without one, what its folders say.
 *
 * @param directory the model directory
 * @param className the pipeline's class in diffusers, such as {@code DDPMPipeline}
 * @param components the class of each part that is there, by the name of its folder
 */
record ModelIndex(Path directory, String className, Map<String, String> components) {
  private static final String FILE = "model_index.json";
  private static final String UNET = "UNet2DModel";
  private static final Set<String> OF_PIXELS = Set.of("unet", "scheduler");

  /** What else a pipeline may have that its U-Net does not draw without. */
  private static final List<String> DECODERS = List.of("vae", "vqvae", "movq");

  /** What Python's training scripts write beside the weights, to go on from. */
  private static final List<String> TRAINING_STATE =
      List.of("optimizer.bin", "optimizer.pt", "scheduler.bin", "random_states_0.pkl");

  /**
   * Reads the index.
   *
   * @throws SfumatoException naming the file if it is damaged
   */
  static ModelIndex of(Path directory) {
    Path file = directory.resolve(FILE);
    Map<String, String> components = new LinkedHashMap<>();
    if (!Files.exists(file)) {
      DECODERS.stream()
          .filter(name -> Files.isDirectory(directory.resolve(name)))
          .forEach(name -> components.put(name, "an autoencoder"));
      return new ModelIndex(directory, "pipeline", components);
    }
    Map<?, ?> json = JsonFile.read(file, Map.class);
    json.forEach(
        (name, value) -> {
          // ["library", "Class"], or [null, null] for a part that the model does without
          if (value instanceof List<?> part && part.size() == 2 && part.get(1) != null) {
            components.put(name.toString(), part.get(1).toString());
          }
        });
    Object className = json.get("_class_name");
    return new ModelIndex(directory, className == null ? "pipeline" : "" + className, components);
  }

  /**
   * Checks that this is a U-Net that draws pixels, and no more.
   *
   * @throws SfumatoException naming the part that is not supported
   */
  void requirePixels() {
    for (Map.Entry<String, String> part : components.entrySet()) {
      if (!OF_PIXELS.contains(part.getKey())) {
        throw new SfumatoException(
            String.format(
                Locale.ROOT,
                "%s: is a %s with %s (%s), which is not supported: only models whose U-Net draws pixels are",
                directory,
                className,
                part.getKey(),
                part.getValue()));
      }
    }
    String unet = components.getOrDefault("unet", UNET);
    if (!unet.equals(UNET)) {
      throw new SfumatoException(
          String.format(
              Locale.ROOT,
              "%s: is a %s whose unet is a %s, which is not supported: only %s is",
              directory,
              className,
              unet,
              UNET));
    }
    requireNoTrainingState();
  }

  private void requireNoTrainingState() {
    boolean model =
        Stream.of(FILE, "config.json", "scheduler/scheduler_config.json")
            .anyMatch(name -> Files.exists(directory.resolve(name)));
    if (!model && TRAINING_STATE.stream().anyMatch(name -> Files.exists(directory.resolve(name)))) {
      throw new SfumatoException(
          directory
              + ": is a checkpoint of a Python training script, without a scheduler's settings:"
              + " take the folder that the script wrote at its end, or the checkpoint's unet folder");
    }
  }
}
