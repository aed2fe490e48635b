package dev.sfumato.run;

import dev.sfumato.SfumatoException;
import dev.sfumato.data.Dataset;
import dev.sfumato.io.JsonFile;
import dev.sfumato.model.ClassConditionedUNet;
import dev.sfumato.model.ClassConditioning;
import dev.sfumato.model.Presets;
import dev.sfumato.model.UNet2DConditionConfig;
import dev.sfumato.model.UNet2DConfig;
import dev.sfumato.pipeline.DiffusionPipeline;
import dev.sfumato.pipeline.PixelPipeline;
import dev.sfumato.scheduler.BetaSchedule;
import dev.sfumato.scheduler.PredictionType;
import dev.sfumato.scheduler.SchedulerConfig;
import dev.sfumato.tensor.Construction;
import dev.sfumato.tensor.Rng;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * The shape of a new model, or requirements on a given one, which keeps the noise and the classes
 * of its training. A text-to-image model in one file does not say what it predicts: there the
 * prediction is not a requirement but what its files lack.
 *
 * @param config the U-Net of a new model: a file like {@code unet/config.json}, or {@code mnist},
 *     {@code faces-32} or {@code ddpm-256}; empty: by the size of the pictures
 * @param noise the noise of a new model
 * @param classes the classes of a new model
 * @param texts the trained parts of a new text-to-image model; its autoencoder replaces that of a
 *     given one
 */
public record ModelOptions(Optional<String> config, Noise noise, Classes classes, TextParts texts) {
  private static final String OF_TEXTS = "UNet2DConditionModel";
  private static final ModelOptions DEFAULTS =
      new ModelOptions(
          Optional.empty(),
          new Noise(Optional.empty(), Optional.empty(), Optional.empty()),
          new Classes(Optional.empty(), 4),
          TextParts.NONE);

  /**
   * The noise. Empty values mean a given model's own; for a new model, a linear schedule of 1000
   * timesteps and the prediction of the noise.
   *
   * @param betaSchedule the growth of the noise
   * @param trainTimesteps number of noise levels
   * @param predictionType the quantity that the network predicts
   */
  public record Noise(
      Optional<BetaSchedule> betaSchedule,
      Optional<Integer> trainTimesteps,
      Optional<PredictionType> predictionType) {
    /**
     * @throws SfumatoException if a number is out of range
     */
    public Noise {
      trainTimesteps.ifPresent(SchedulerConfig::requireTrainTimesteps);
    }

    SchedulerConfig ofPixels() {
      return scheduler(SchedulerConfig.ddpmDefaults());
    }

    /** Returns the scheduler of a new model of latents, with settings as of Stable Diffusion. */
    SchedulerConfig ofLatents() {
      SchedulerConfig ddim =
          SchedulerConfig.ddpmDefaults()
              .withClassName("ddim")
              .with("clip_sample", false)
              .with("set_alpha_to_one", false)
              .with("steps_offset", 1);
      return scheduler(ddim);
    }

    private SchedulerConfig scheduler(SchedulerConfig usual) {
      SchedulerConfig scheduler = usual;
      scheduler = betaSchedule.map(scheduler::withBetaSchedule).orElse(scheduler);
      scheduler = trainTimesteps.map(scheduler::withTrainTimesteps).orElse(scheduler);
      return predictionType.map(scheduler::withPredictionType).orElse(scheduler);
    }
  }

  /**
   * The classes.
   *
   * @param conditioning the way of conditioning on the class; empty: a given model's own, none for
   *     a new one
   * @param embeddingSize numbers for each class that a new model takes as channels
   */
  public record Classes(Optional<ClassConditioning.Type> conditioning, int embeddingSize) {}

  /** Returns options without requirements. */
  public static ModelOptions defaults() {
    return DEFAULTS;
  }

  /** Returns a copy with the U-Net of a file or preset. */
  public ModelOptions withConfig(String fileOrPreset) {
    return new ModelOptions(Optional.of(fileOrPreset), noise, classes, texts);
  }

  /** Returns a copy with other noise. */
  public ModelOptions withNoise(Noise other) {
    return new ModelOptions(config, other, classes, texts);
  }

  /** Returns a copy with another number of timesteps. */
  public ModelOptions withTrainTimesteps(int count) {
    return withNoise(new Noise(noise.betaSchedule, Optional.of(count), noise.predictionType));
  }

  /** Returns a copy with another noise schedule. */
  public ModelOptions withBetaSchedule(BetaSchedule schedule) {
    return withNoise(new Noise(Optional.of(schedule), noise.trainTimesteps, noise.predictionType));
  }

  /** Returns a copy with another prediction type. */
  public ModelOptions withPredictionType(PredictionType type) {
    return withNoise(new Noise(noise.betaSchedule, noise.trainTimesteps, Optional.of(type)));
  }

  /** Returns a copy with this class conditioning. */
  public ModelOptions withClassConditioning(ClassConditioning.Type type) {
    return withClasses(new Classes(Optional.of(type), classes.embeddingSize));
  }

  /** Returns a copy with other classes. */
  public ModelOptions withClasses(Classes other) {
    return new ModelOptions(config, noise, other, texts);
  }

  /**
   * Returns a copy with another autoencoder.
   *
   * @param name a file, a directory or an id of the Hub; for a new model, no file
   */
  public ModelOptions withVae(String name) {
    return withTexts(new TextParts(Optional.of(name), texts.textEncoder()));
  }

  /** Returns a copy for a new text-to-image model with these trained parts. */
  public ModelOptions withTexts(TextParts parts) {
    return new ModelOptions(config, noise, classes, parts);
  }

  /**
   * Makes a new model.
   *
   * @param dataset the pictures, whose channels, size and classes the model gets
   * @param seed of the start weights
   * @param classDropout if more than 0, the model needs a label for no class
   * @throws SfumatoException if classes are required but the pictures have none, their size does
   *     not suit the network, or a part of a text-to-image model is missing
   */
  public DiffusionPipeline create(Dataset dataset, long seed, double classDropout) {
    Optional<UNet2DConditionConfig> ofTexts = ofTexts();
    if (ofTexts.isPresent()) {
      return texts.create(ofTexts.get(), noise.ofLatents(), dataset, seed);
    }
    if (texts.isGiven()) {
      throw new SfumatoException(
          "a text-to-image model needs a `config` with a UNet2DConditionModel");
    }
    ClassConditioning conditioning = conditioning(dataset);
    UNet2DConfig unet = unetConfig(dataset, conditioning, classDropout > 0);
    try (Rng rng = new Rng(seed);
        Construction made = Construction.begin()) {
      ClassConditionedUNet denoiser = new ClassConditionedUNet(unet, conditioning);
      denoiser.reset(rng);
      PixelPipeline pipeline = new PixelPipeline(denoiser, noise.ofPixels());
      made.complete();
      return pipeline;
    }
  }

  private ClassConditioning conditioning(Dataset dataset) {
    ClassConditioning.Type type = classes.conditioning.orElse(ClassConditioning.Type.NONE);
    if (type == ClassConditioning.Type.NONE) {
      return ClassConditioning.NONE;
    }
    if (dataset.classNames().isEmpty()) {
      throw new SfumatoException("`classConditioning` needs data with classes: subfolders");
    }
    return new ClassConditioning(
        type,
        dataset.classNames().size(),
        type == ClassConditioning.Type.CHANNELS ? classes.embeddingSize : 0);
  }

  /** Returns the file or preset with the channels, size and classes of the data. */
  private UNet2DConfig unetConfig(
      Dataset dataset, ClassConditioning conditioning, boolean placeForNoClass) {
    UNet2DConfig unet = described().orElseGet(() -> Presets.named(presetFor(dataset)));
    unet =
        unet.with("sample_size", dataset.height())
            .with("in_channels", dataset.channels() + conditioning.extraChannels())
            .with("out_channels", dataset.channels());
    if (conditioning.type() == ClassConditioning.Type.EMBEDDING) {
      int noClass = placeForNoClass ? 1 : 0;
      unet = unet.with("num_class_embeds", conditioning.numClasses() + noClass);
    }
    unet.requireDivisible(dataset.height(), dataset.width());
    return unet;
  }

  /** The file or preset, if one was named. */
  private Optional<UNet2DConfig> described() {
    return config.map(
        name ->
            Files.isRegularFile(Path.of(name))
                ? JsonFile.read(Path.of(name), UNet2DConfig.class)
                : Presets.named(name));
  }

  /** Returns whether a new model learns from texts. */
  boolean isOfTexts() {
    return ofTexts().isPresent();
  }

  /** The file, if it describes the U-Net of a text-to-image model. */
  private Optional<UNet2DConditionConfig> ofTexts() {
    return config
        .map(Path::of)
        .filter(Files::isRegularFile)
        .filter(file -> OF_TEXTS.equals(JsonFile.read(file, Map.class).get("_class_name")))
        .map(file -> JsonFile.read(file, UNet2DConditionConfig.class));
  }

  /** The side of the square pictures that the file or preset is for. */
  Optional<Integer> size() {
    Optional<List<Integer>> latents = ofTexts().map(UNet2DConditionConfig::sampleSize);
    return latents
        .or(() -> described().map(UNet2DConfig::sampleSize))
        .filter(sides -> Set.copyOf(sides).size() == 1)
        .map(sides -> latents.isPresent() ? texts.pictureSide(sides.get(0)) : sides.get(0));
  }

  private static String presetFor(Dataset dataset) {
    return dataset.height() < 32 ? "mnist" : dataset.height() < 128 ? "faces-32" : "ddpm-256";
  }

  /**
   * Requires that a given model agrees with these options.
   *
   * @throws SfumatoException naming what differs
   */
  void requireSuits(DiffusionPipeline pipeline) {
    SchedulerConfig own = pipeline.scheduler();
    require("predictionType", noise.predictionType, own.predictionType());
    require("betaSchedule", noise.betaSchedule, own.betaSchedule());
    require("trainTimesteps", noise.trainTimesteps, own.numTrainTimesteps());
    require("classConditioning", classes.conditioning, classesOf(pipeline).type());
  }

  /** Returns the classes of a model; a text-to-image model has none. */
  static ClassConditioning classesOf(DiffusionPipeline pipeline) {
    return pipeline instanceof PixelPipeline pixels
        ? pixels.denoiser().conditioning()
        : ClassConditioning.NONE;
  }

  private static void require(String property, Optional<?> asked, Object own) {
    if (asked.isPresent() && !asked.get().equals(own)) {
      throw new SfumatoException(
          String.format(
              Locale.ROOT,
              "`%s` %s does not suit the model, which has %s: leave it out",
              property,
              asked.get(),
              own));
    }
  }

  /** Returns every option that applies only to new models, by its name in config.json. */
  Map<String, Object> settings() {
    Map<String, Object> settings = new LinkedHashMap<>();
    config.ifPresent(name -> settings.put("config", name));
    settings.put("class_embedding_size", classes.embeddingSize);
    texts.autoencoder().ifPresent(name -> settings.put("vae", name));
    texts.textEncoder().ifPresent(name -> settings.put("text_encoder", name));
    return settings;
  }

  /** Returns the properties of {@code pipeline} by the names of the options. */
  Map<String, Object> settings(DiffusionPipeline pipeline) {
    Map<String, Object> settings = new LinkedHashMap<>();
    settings.put("beta_schedule", pipeline.scheduler().betaSchedule().toString());
    settings.put("train_timesteps", pipeline.scheduler().numTrainTimesteps());
    settings.put("prediction_type", pipeline.scheduler().predictionType().toString());
    settings.put(
        "class_conditioning", classesOf(pipeline).type().toString().toLowerCase(Locale.ROOT));
    return settings;
  }
}
