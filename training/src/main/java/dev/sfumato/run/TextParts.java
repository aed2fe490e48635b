package dev.sfumato.run;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.sfumato.SfumatoException;
import dev.sfumato.clip.ClipModel;
import dev.sfumato.data.Dataset;
import dev.sfumato.hub.Hub;
import dev.sfumato.hub.ModelFiles;
import dev.sfumato.hub.ProgressListener;
import dev.sfumato.io.JsonFile;
import dev.sfumato.model.AutoencoderKLConfig;
import dev.sfumato.model.UNet2DConditionConfig;
import dev.sfumato.model.UNet2DConditionModel;
import dev.sfumato.pipeline.StableDiffusionPipeline;
import dev.sfumato.scheduler.SchedulerConfig;
import dev.sfumato.tensor.Rng;
import dev.sfumato.tensor.Safetensors;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * The trained parts of a new text-to-image model, whose U-Net is to be trained.
 *
 * @param autoencoder a directory with an {@code AutoencoderKL} or a model that has one, or an id of
 *     the Hub
 * @param textEncoder a CLIP model, whose text encoder is taken, or a model directory with one, or
 *     an id of the Hub
 */
public record TextParts(Optional<String> autoencoder, Optional<String> textEncoder) {
  /** No parts: the model is not a text-to-image model. */
  public static final TextParts NONE = new TextParts(Optional.empty(), Optional.empty());

  private static final String CONFIG = "config.json";

  /** Returns whether a part is named. */
  boolean isGiven() {
    return autoencoder.isPresent() || textEncoder.isPresent();
  }

  /**
   * Returns the side of pictures that the autoencoder maps to latents of {@code latents} pixels.
   */
  int pictureSide(int latents) {
    return latents * autoencoderConfig(autoencoderFolder()).reduction();
  }

  /**
   * Makes a model with a new U-Net.
   *
   * @param unet its configuration, which gets the size of the data and the widths of the parts
   * @param seed of its start weights
   * @throws SfumatoException if a part is missing or does not suit the others
   */
  StableDiffusionPipeline create(
      UNet2DConditionConfig unet, SchedulerConfig scheduler, Dataset dataset, long seed) {
    Path vae = autoencoderFolder();
    try {
      Path folder = Files.createTempDirectory("sfumato-model");
      try {
        copy(vae, folder.resolve("vae"));
        writeTextEncoder(folder);
        AutoencoderKLConfig latents = autoencoderConfig(vae);
        List<Integer> size =
            List.of(dataset.height() / latents.reduction(), dataset.width() / latents.reduction());
        writeUNet(
            folder.resolve("unet"),
            unet.with("sample_size", size.get(0).equals(size.get(1)) ? size.get(0) : size)
                .with("in_channels", latents.latentChannels())
                .with("out_channels", latents.latentChannels())
                .with("cross_attention_dim", textWidth(folder)),
            seed);
        scheduler.write(folder.resolve("scheduler/scheduler_config.json"));
        JsonFile.write(folder.resolve("model_index.json"), index(scheduler));
        return StableDiffusionPipeline.load(folder);
      } finally {
        delete(folder);
      }
    } catch (IOException e) {
      throw new SfumatoException("the new model cannot be put together: " + e.getMessage(), e);
    }
  }

  private Path autoencoderFolder() {
    Path folder = located(autoencoder, "vae");
    return Files.exists(folder.resolve("vae/config.json")) ? folder.resolve("vae") : folder;
  }

  private static AutoencoderKLConfig autoencoderConfig(Path folder) {
    return JsonFile.read(folder.resolve(CONFIG), AutoencoderKLConfig.class);
  }

  private static Path located(Optional<String> name, String option) {
    return Hub.fromEnvironment()
        .locate(
            name.orElseThrow(
                () ->
                    new SfumatoException(
                        "a new text-to-image model needs trained parts: `vae` and `textEncoder`;"
                            + (" `" + option + "` is missing"))),
            ModelFiles::pipeline,
            ProgressListener.NONE);
  }

  private void writeTextEncoder(Path folder) throws IOException {
    Path source = located(textEncoder, "textEncoder");
    if (Files.exists(source.resolve("text_encoder/config.json"))) {
      copy(source.resolve("text_encoder"), folder.resolve("text_encoder"));
      copy(source.resolve("tokenizer"), folder.resolve("tokenizer"));
      return;
    }
    try (ClipModel clip = ClipModel.load(source)) {
      clip.saveTextEncoder(folder);
    }
  }

  private static int textWidth(Path folder) {
    Path config = folder.resolve("text_encoder/config.json");
    return JsonFile.read(config, ObjectNode.class).path("hidden_size").asInt(512);
  }

  private static void writeUNet(Path folder, UNet2DConditionConfig config, long seed) {
    try (UNet2DConditionModel unet = new UNet2DConditionModel(config);
        Rng random = new Rng(seed)) {
      unet.reset(random);
      JsonFile.write(folder.resolve(CONFIG), config);
      Safetensors.write(
          folder.resolve(ModelFiles.UNET_WEIGHTS + ".safetensors"),
          unet.parameters(),
          Map.of("format", "pt"));
    }
  }

  private static Map<String, Object> index(SchedulerConfig scheduler) {
    Map<String, Object> index = new LinkedHashMap<>();
    index.put("_class_name", "StableDiffusionPipeline");
    index.put("_diffusers_version", "0.40.0");
    index.put("feature_extractor", Arrays.asList(null, null));
    index.put("image_encoder", Arrays.asList(null, null));
    index.put("requires_safety_checker", false);
    index.put("safety_checker", Arrays.asList(null, null));
    index.put("scheduler", List.of("diffusers", scheduler.className()));
    index.put("text_encoder", List.of("transformers", "CLIPTextModel"));
    index.put("tokenizer", List.of("transformers", "CLIPTokenizer"));
    index.put("unet", List.of("diffusers", "UNet2DConditionModel"));
    index.put("vae", List.of("diffusers", "AutoencoderKL"));
    return index;
  }

  private static void copy(Path from, Path to) throws IOException {
    Files.createDirectories(to);
    try (Stream<Path> files = Files.list(from)) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        Files.copy(file, to.resolve(file.getFileName()));
      }
    }
  }

  /** The model stays mapped into memory, so where files in use cannot be deleted they stay. */
  private static void delete(Path folder) throws IOException {
    try (Stream<Path> files = Files.walk(folder)) {
      files.sorted(Comparator.reverseOrder()).forEach(file -> file.toFile().delete());
    }
  }
}
