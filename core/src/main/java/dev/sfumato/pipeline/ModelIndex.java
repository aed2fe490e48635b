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
 * The description of a model directory in {@code model_index.json} or, without one, by its folders.
 *
 * @param directory the model directory
 * @param className the pipeline's class in diffusers, such as {@code DDPMPipeline}
 * @param components the class of each existing part, by the name of its folder
 */
record ModelIndex(Path directory, String className, Map<String, String> components) {
  private static final String FILE = "model_index.json";
  private static final String UNET = "UNet2DModel";
  private static final Set<String> OF_PIXELS = Set.of("unet", "scheduler");

  /** Other parts of a pipeline without which its U-Net cannot draw. */
  private static final List<String> DECODERS = List.of("vae", "vqvae", "movq");

  /** Files that Python's training scripts write beside the weights in order to resume. */
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
          // ["library", "Class"], or [null, null] for a part that the model lacks
          if (value instanceof List<?> part && part.size() == 2 && part.get(1) != null) {
            components.put(name.toString(), part.get(1).toString());
          }
        });
    Object className = json.get("_class_name");
    return new ModelIndex(directory, className == null ? "pipeline" : "" + className, components);
  }

  /**
   * Checks that this is a U-Net that draws pixels, without other parts.
   *
   * @throws SfumatoException naming the part that is not supported
   */
  void requirePixels() {
    if (!Files.exists(directory.resolve(FILE)) && Files.exists(directory.resolve("text_encoder"))) {
      throw new SfumatoException(directory + ": lacks model_index.json, which names its parts");
    }
    for (Map.Entry<String, String> part : components.entrySet()) {
      if (!OF_PIXELS.contains(part.getKey())) {
        throw new SfumatoException(
            String.format(
                Locale.ROOT,
                "%s: is a %s with %s (%s), which is not supported: StableDiffusionPipeline, its XL,"
                    + " Img2Img and Inpaint kinds and models whose U-Net draws pixels are",
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
              + ": is a checkpoint of a Python training script and lacks the scheduler's "
              + "settings: use the folder that the script wrote at its end, or the "
              + "checkpoint's unet folder");
    }
  }
}
