package dev.sfumato.pipeline;

import dev.sfumato.InvalidOptionException;
import dev.sfumato.SfumatoException;
import dev.sfumato.guidance.Conditioning;
import dev.sfumato.guidance.Guidance;
import dev.sfumato.hub.ModelFiles;
import dev.sfumato.io.AtomicFile;
import dev.sfumato.io.JsonFile;
import dev.sfumato.model.ClassConditionedUNet;
import dev.sfumato.model.ClassConditioning;
import dev.sfumato.model.UNet2DConfig;
import dev.sfumato.model.UNet2DModel;
import dev.sfumato.nn.Module;
import dev.sfumato.nn.Weights;
import dev.sfumato.sampling.Sampler;
import dev.sfumato.sampling.SamplingOptions;
import dev.sfumato.sampling.Start;
import dev.sfumato.sampling.TextOptions;
import dev.sfumato.scheduler.SchedulerConfig;
import dev.sfumato.tensor.Construction;
import dev.sfumato.tensor.DType;
import dev.sfumato.tensor.Device;
import dev.sfumato.tensor.Precision;
import dev.sfumato.tensor.Rng;
import dev.sfumato.tensor.Safetensors;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * A pixel model, unconditional or conditioned on classes: a directory in diffusers' {@code
 * DDPMPipeline} layout.
 *
 * <pre>
 * model_index.json
 * unet/config.json                         the U-Net's configuration
 * unet/diffusion_pytorch_model.safetensors its weights (or .bin)
 * scheduler/scheduler_config.json          the scheduler's settings
 * class_conditioning/config.json           the conditioning on classes, if the model has one
 * class_conditioning/model.safetensors     class_emb.weight, if classes have learned vectors
 * </pre>
 *
 * <p>Older models have the contents of {@code unet} and {@code scheduler} beside {@code
 * model_index.json}.
 *
 * @param denoiser the network
 * @param scheduler the settings of the noise and of the scheduler
 */
public record PixelPipeline(ClassConditionedUNet denoiser, SchedulerConfig scheduler)
    implements DiffusionPipeline {
  private static final String WEIGHTS = "diffusion_pytorch_model.safetensors";
  private static final String UNET = "unet.";
  private static final Map<String, String> METADATA = Map.of("format", "pt");

  /**
   * Loads a model directory, or a bare {@code unet} directory with the default scheduler settings.
   *
   * @throws SfumatoException naming the file that is missing or does not fit
   */
  public static PixelPipeline load(Path directory) {
    Path unet = unetFolder(directory);
    SchedulerConfig scheduler = schedulerConfig(directory);
    UNet2DConfig config = unetConfig(directory);
    try (Scope scope = Scope.open();
        Construction made = Construction.begin()) {
      ClassConditionedUNet denoiser =
          new ClassConditionedUNet(config, classConditioning(directory));
      denoiser.load(unetWeights(unet), classVectors(directory, denoiser.conditioning()));
      denoiser.widenWithinMemory();
      made.complete();
      return new PixelPipeline(denoiser, scheduler);
    }
  }

  /**
   * Reads the configuration of the U-Net in a model directory, without its weights.
   *
   * @throws SfumatoException if there is none
   */
  public static UNet2DConfig unetConfig(Path directory) {
    return JsonFile.read(unetFolder(directory).resolve("config.json"), UNet2DConfig.class);
  }

  private static Path unetFolder(Path directory) {
    if (!Files.isDirectory(directory)) {
      throw new SfumatoException(directory + ": there is no such model directory");
    }
    ModelIndex.of(directory).requirePixels();
    boolean bare = !Files.isDirectory(directory.resolve("unet"));
    if (bare && !Files.exists(directory.resolve("config.json"))) {
      throw new SfumatoException(
          directory + ": is not a model directory: it has no unet/config.json and no config.json");
    }
    return bare ? directory : directory.resolve("unet");
  }

  /**
   * Reads the settings of the scheduler in a model directory, without its weights.
   *
   * @throws SfumatoException naming the file that is missing or does not fit
   */
  public static SchedulerConfig schedulerConfig(Path directory) {
    boolean bare = unetFolder(directory).equals(directory);
    Path settings =
        firstOf(directory, List.of("scheduler/scheduler_config.json", "scheduler_config.json"));
    SchedulerConfig read =
        bare && !Files.exists(settings)
            ? SchedulerConfig.ddpmDefaults()
            : SchedulerConfig.read(settings);
    Path index = directory.resolve("model_index.json");
    return Files.exists(index) ? read.namedIn(JsonFile.read(index, Map.class)) : read;
  }

  /**
   * Reads the conditioning on classes in a model directory, without its weights.
   *
   * @throws SfumatoException naming the file that is missing or does not fit
   */
  public static ClassConditioning classConditioning(Path directory) {
    Path file = directory.resolve("class_conditioning/config.json");
    if (Files.exists(file)) {
      return JsonFile.read(file, ClassConditioning.class);
    }
    int classes = unetConfig(directory).numClassEmbeds().orElse(0);
    return classes == 0
        ? ClassConditioning.NONE
        : new ClassConditioning(ClassConditioning.Type.EMBEDDING, classes, 0);
  }

  private static Weights unetWeights(Path folder) {
    return Weights.in(folder, ModelFiles.UNET_WEIGHTS).renamed(UNet2DModel::modernNames);
  }

  private static Optional<Weights> classVectors(Path directory, ClassConditioning conditioning) {
    Path file = directory.resolve("class_conditioning/model.safetensors");
    return conditioning.type() == ClassConditioning.Type.CHANNELS || Files.exists(file)
        ? Optional.of(Weights.of(file))
        : Optional.empty();
  }

  /**
   * Returns the first of these files that exists, or the first, for errors to name, if none does.
   */
  private static Path firstOf(Path directory, List<String> files) {
    return files.stream()
        .map(directory::resolve)
        .filter(Files::exists)
        .findFirst()
        .orElse(directory.resolve(files.get(0)));
  }

  @Override
  public Module network() {
    return denoiser;
  }

  @Override
  public int pictureChannels() {
    return denoiser.channels();
  }

  @Override
  public List<Integer> pictureSize() {
    return denoiser.config().sampleSize();
  }

  @Override
  public Conditioning conditioning(SamplingOptions options) {
    return new Conditioning(
        denoiser.given(labels(options), options.count()),
        denoiser.missing(),
        options.classifierFree());
  }

  @Override
  public SamplingOptions completed(SamplingOptions options) {
    labels(options);
    if (!options.text().equals(TextOptions.NONE)) {
      throw new SfumatoException(
          "the model draws "
              + (denoiser.conditioning().type() == ClassConditioning.Type.NONE
                  ? "what it was trained on"
                  : "classes")
              + ": prompts and their options need a text-to-image model");
    }
    if (options.vaeTiling()) {
      throw new InvalidOptionException(
          "the model draws pixels: `vaeTiling` needs a text-to-image model");
    }
    return DiffusionPipeline.super.completed(options);
  }

  @Override
  public Tensor sample(SamplingOptions options, Sampler.Listener listener) {
    return Plan.draw(this, completed(options), this::plan, listener);
  }

  private Plan plan(SamplingOptions options, LoadedSources sources, Rng random) {
    double strength = options.strength().orElse(1);
    boolean changes = options.picture().isPresent() && (options.mask().isEmpty() || strength < 1);
    Start start =
        changes
            ? Start.of(
                sources.picture(options.picture().get()).expand(options.count(), -1, -1, -1),
                strength)
            : Start.noise(
                options.count(),
                denoiser.channels(),
                options.height().getAsInt(),
                options.width().getAsInt());
    Guidance guidance = sources.guidance(options);
    return new Plan(
        start,
        conditioning(options),
        options
            .mask()
            .map(mask -> sources.inpainting(options.picture().orElseThrow(), mask))
            .map(guidance::withInpainting)
            .orElse(guidance));
  }

  private long[] labels(SamplingOptions options) {
    return options.classes().stream().mapToLong(denoiser.conditioning()::label).toArray();
  }

  @Override
  public void to(Device device) {
    denoiser.to(device);
  }

  @Override
  public void precision(Precision precision) {
    denoiser.precision(precision);
  }

  @Override
  public void checkpointing(boolean on) {
    denoiser.checkpointing(on);
  }

  @Override
  public Precision precision() {
    return denoiser.precision();
  }

  @Override
  public void save(Path directory, DType floats) {
    if (directory.toString().endsWith(".safetensors")) {
      throw new SfumatoException(
          directory + ": only a text-to-image model fits into one file: name a directory");
    }
    Map<String, Tensor> unet = new TreeMap<>();
    Map<String, Tensor> classes = new TreeMap<>();
    denoiser
        .parameters()
        .forEach(
            (name, tensor) -> {
              if (name.startsWith(UNET)) {
                unet.put(name.substring(UNET.length()), tensor);
              } else {
                classes.put(name, tensor);
              }
            });
    JsonFile.write(directory.resolve("unet/config.json"), denoiser.config());
    Safetensors.write(directory.resolve("unet").resolve(WEIGHTS), unet, METADATA, floats);
    if (denoiser.conditioning().type() == ClassConditioning.Type.NONE) {
      AtomicFile.delete(directory.resolve("class_conditioning")); // of a model that was here
    } else {
      JsonFile.write(directory.resolve("class_conditioning/config.json"), denoiser.conditioning());
    }
    if (!classes.isEmpty()) {
      Safetensors.write(
          directory.resolve("class_conditioning/model.safetensors"), classes, METADATA, floats);
    }
    scheduler.write(directory.resolve("scheduler/scheduler_config.json"));
    JsonFile.write(directory.resolve("model_index.json"), index());
  }

  private Map<String, Object> index() {
    Map<String, Object> index = new LinkedHashMap<>();
    String name = scheduler.className();
    boolean own = name.equals("PNDMScheduler") || name.equals("DDIMScheduler");
    index.put("_class_name", own ? name.replace("Scheduler", "Pipeline") : "DDPMPipeline");
    index.put("_diffusers_version", "0.40.0");
    index.put("scheduler", List.of("diffusers", scheduler.className()));
    index.put("unet", List.of("diffusers", "UNet2DModel"));
    return index;
  }

  @Override
  public void close() {
    denoiser.close();
  }
}
