package dev.sfumato.checkpoint;

import dev.sfumato.SfumatoException;
import dev.sfumato.clip.ClipTextEncoder;
import dev.sfumato.io.JsonFile;
import dev.sfumato.model.AutoencoderKL;
import dev.sfumato.model.UNet2DConditionConfig;
import dev.sfumato.model.UNet2DConditionModel;
import dev.sfumato.nn.Module;
import dev.sfumato.scheduler.SchedulerConfig;
import dev.sfumato.tensor.DType;
import dev.sfumato.tensor.Safetensors;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * A text-to-image model in memory, to be written.
 *
 * @param index the content of {@code model_index.json}
 * @param texts the text encoders by their suffix: empty or {@code _2}
 */
public record WholeModel(
    Map<String, Object> index,
    SchedulerConfig scheduler,
    UNet2DConditionModel unet,
    AutoencoderKL autoencoder,
    Map<String, ClipTextEncoder> texts) {
  private static final String WEIGHTS = "diffusion_pytorch_model.safetensors";
  private static final Map<String, String> METADATA = Map.of("format", "pt");

  /**
   * Writes a directory in diffusers' layout, each file whole or not at all.
   *
   * @param floats the type of the weights
   */
  public void writeDirectory(Path directory, DType floats) {
    network(directory.resolve("unet"), unet.config(), unet, floats);
    network(directory.resolve("vae"), autoencoder.config(), autoencoder, floats);
    texts.forEach(
        (suffix, text) -> {
          Path folder = directory.resolve("text_encoder" + suffix);
          JsonFile.write(folder.resolve("config.json"), ofType(text.config(), floats));
          try (Scope scope = Scope.open()) {
            Safetensors.write(
                folder.resolve("model.safetensors"),
                text.model().transformersWeights(),
                METADATA,
                floats);
          }
          text.tokenizer().save(directory.resolve("tokenizer" + suffix));
        });
    scheduler.write(directory.resolve("scheduler/scheduler_config.json"));
    JsonFile.write(directory.resolve("model_index.json"), index);
  }

  /** Returns a text encoder's settings with the type in which transformers is to load it. */
  private static Map<String, Object> ofType(Map<String, Object> config, DType floats) {
    Map<String, Object> typed = new LinkedHashMap<>(config);
    String name = floats.name().toLowerCase(Locale.ROOT);
    List.of("dtype", "torch_dtype").forEach(key -> typed.computeIfPresent(key, (k, old) -> name));
    return typed;
  }

  private static void network(Path folder, Object config, Module network, DType floats) {
    JsonFile.write(folder.resolve("config.json"), config);
    Safetensors.write(folder.resolve(WEIGHTS), network.parameters(), METADATA, floats);
  }

  // ---- one file

  /**
   * Writes one file in the original layout, whole or not at all. Its header has the configurations,
   * which other programs ignore.
   *
   * @param floats the type of the weights
   * @throws SfumatoException if the model's tokenizer is not CLIP's, which such a file cannot hold
   */
  public void writeFile(Path file, DType floats) {
    OriginalKind kind = kind(unet.config());
    requireClipTokenizers(file);
    try (Scope scope = Scope.open()) {
      Map<String, Tensor> all = new LinkedHashMap<>();
      put(
          all,
          SingleFile.UNET,
          Renaming.apply(OriginalNames.unet(unet.config())::original, unet.parameters()));
      put(
          all,
          SingleFile.AUTOENCODERS.get(0),
          Renaming.apply(
              OriginalNames.autoencoder(autoencoder.config())::original,
              OriginalNames.kernels(autoencoder.parameters())));
      texts.forEach((suffix, text) -> put(all, kind.start(suffix), weights(kind, suffix, text)));
      Map<String, String> metadata = new LinkedHashMap<>(METADATA);
      metadata.put(SingleFile.SETTINGS, settings());
      Safetensors.write(file, all, metadata, floats);
    }
  }

  private static void put(Map<String, Tensor> all, String start, Map<String, Tensor> weights) {
    weights.forEach((name, weight) -> all.put(start + name, weight));
  }

  private OriginalKind kind(UNet2DConditionConfig config) {
    if (config.additionEmbedType().isPresent()) {
      return texts.containsKey("") ? OriginalKind.XL : OriginalKind.REFINER;
    }
    return config.useLinearProjection() ? OriginalKind.TWO : OriginalKind.ONE;
  }

  private static Map<String, Tensor> weights(
      OriginalKind kind, String suffix, ClipTextEncoder text) {
    Map<String, Tensor> weights =
        new LinkedHashMap<>(
            kind.isOpenClip(suffix)
                ? text.model().parameters()
                : text.model().transformersWeights());
    if (!kind.isXl() || suffix.isEmpty()) {
      weights.keySet().removeIf(name -> name.startsWith("text_projection"));
    }
    return weights;
  }

  private void requireClipTokenizers(Path file) {
    texts
        .values()
        .forEach(
            text -> {
              if (!text.tokenizer().isBuiltIn(text.model().config().vocabSize())) {
                throw new SfumatoException(
                    file
                        + ": one file cannot hold this model, whose tokenizer is not CLIP's: "
                        + "write a directory");
              }
            });
  }

  private String settings() {
    Map<String, Object> settings = new LinkedHashMap<>();
    settings.put("model_index", index);
    settings.put("scheduler", scheduler);
    settings.put("unet", unet.config());
    settings.put("vae", autoencoder.config());
    texts.forEach(
        (suffix, text) -> {
          settings.put("text_encoder" + suffix, text.config());
          settings.put("tokenizer" + suffix, text.tokenizer().settings());
        });
    return JsonFile.MAPPER.valueToTree(settings).toString();
  }
}
