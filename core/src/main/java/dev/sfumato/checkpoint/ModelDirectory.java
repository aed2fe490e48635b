package dev.sfumato.checkpoint;

import dev.sfumato.clip.ClipTokenizer;
import dev.sfumato.hub.ModelFiles;
import dev.sfumato.io.JsonFile;
import dev.sfumato.model.AutoencoderKLConfig;
import dev.sfumato.model.UNet2DConditionConfig;
import dev.sfumato.model.UNet2DModel;
import dev.sfumato.nn.Weights;
import dev.sfumato.scheduler.SchedulerConfig;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** A directory in diffusers' layout. */
final class ModelDirectory implements ModelParts {
  private final Path directory;
  private final ReadingOptions options;

  ModelDirectory(Path directory, ReadingOptions options) {
    this.directory = directory;
    this.options = options;
  }

  @Override
  public Path source() {
    return directory;
  }

  @Override
  @SuppressWarnings("unchecked")
  public Map<String, Object> index() {
    return JsonFile.read(directory.resolve("model_index.json"), Map.class);
  }

  @Override
  public SchedulerConfig scheduler() {
    SchedulerConfig read =
        SchedulerConfig.read(directory.resolve("scheduler/scheduler_config.json")).namedIn(index());
    return options.predictionType().map(read::withPredictionType).orElse(read);
  }

  @Override
  public UNet2DConditionConfig unet() {
    UNet2DConditionConfig unet = config("unet", UNet2DConditionConfig.class);
    boolean old =
        unet.other().get("_diffusers_version") instanceof String version
            && version.matches("0[.][0-8]([.].*)?");
    boolean wrong = old && unet.sampleSize().size() == 1 && unet.sampleSize().get(0) < 64;
    return wrong ? unet.with("sample_size", 64) : unet; // as diffusers does
  }

  @Override
  public AutoencoderKLConfig autoencoder() {
    return config("vae", AutoencoderKLConfig.class);
  }

  @Override
  @SuppressWarnings("unchecked")
  public Map<String, Object> textEncoder(String suffix) {
    return config("text_encoder" + suffix, Map.class);
  }

  private <T> T config(String part, Class<T> type) {
    return JsonFile.read(directory.resolve(part).resolve("config.json"), type);
  }

  @Override
  public ClipTokenizer tokenizer(String suffix) {
    return ClipTokenizer.load(directory.resolve("tokenizer" + suffix));
  }

  @Override
  public Weights weights(String part) {
    Path folder = directory.resolve(part);
    List<String> stems =
        part.equals("unet") || part.equals("vae")
            ? List.of(ModelFiles.UNET_WEIGHTS)
            : List.of("model", "pytorch_model");
    Path file =
        stems.stream()
            .flatMap(stem -> ModelFiles.weights(stem, options.variant()).stream())
            .map(folder::resolve)
            .filter(Files::exists)
            .findFirst()
            .orElse(folder.resolve(stems.get(0) + ".safetensors"));
    return Weights.of(file).renamed(UNet2DModel::modernNames);
  }

  @Override
  public void close() {}
}
