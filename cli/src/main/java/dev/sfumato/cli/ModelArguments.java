package dev.sfumato.cli;

import dev.sfumato.SfumatoException;
import dev.sfumato.data.Dataset;
import dev.sfumato.io.JsonFile;
import dev.sfumato.model.ClassConditionedUNet;
import dev.sfumato.model.ClassConditioning;
import dev.sfumato.model.Presets;
import dev.sfumato.model.UNet2DConfig;
import dev.sfumato.pipeline.PixelPipeline;
import dev.sfumato.scheduler.BetaSchedule;
import dev.sfumato.scheduler.PredictionType;
import dev.sfumato.scheduler.SchedulerConfig;
import dev.sfumato.tensor.Rng;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** What a new model is like, and what a pretrained one must be like. */
final class ModelArguments {
  @Option(
      names = "--config",
      paramLabel = "FILE|PRESET",
      description =
          "The U-Net of a new model: a unet/config.json, or mnist, faces-32 or ddpm-256 (default:"
              + " by the pictures' size).")
  String config;

  @Option(
      names = "--beta-schedule",
      paramLabel = "NAME",
      description =
          "Noise: linear, scaled_linear, squaredcos_cap_v2 or sigmoid (default: the model's own;"
              + " linear for a new one).")
  BetaSchedule betaSchedule;

  @Option(
      names = "--train-timesteps",
      paramLabel = "N",
      description = "Noise levels (default: the model's own; 1000 for a new one).")
  Integer trainTimesteps;

  @Option(
      names = "--prediction-type",
      paramLabel = "NAME",
      description =
          "What the model predicts: epsilon, sample or v_prediction (default: the model's own;"
              + " epsilon for a new one).")
  PredictionType predictionType;

  @Option(
      names = "--class-conditioning",
      paramLabel = "NAME",
      description =
          "How the model is told the class: none, channels, one_hot or embedding (default: the"
              + " model's own; none for a new one).")
  ClassConditioning.Type classConditioning;

  @Option(
      names = "--class-embedding-size",
      paramLabel = "N",
      defaultValue = "4",
      description = "With channels: numbers per class (default: ${DEFAULT-VALUE}).")
  int classEmbeddingSize;

  @Spec(Spec.Target.MIXEE)
  CommandSpec command;

  /** A model keeps what it was trained with: refuses to be asked for anything else. */
  void requireSuits(PixelPipeline pipeline) {
    SchedulerConfig own = pipeline.scheduler();
    require("--prediction-type", predictionType, own.predictionType());
    require("--beta-schedule", betaSchedule, own.betaSchedule());
    require("--train-timesteps", trainTimesteps, own.numTrainTimesteps());
    require("--class-conditioning", classConditioning, pipeline.denoiser().conditioning().type());
  }

  private static void require(String option, Object asked, Object own) {
    if (asked != null && !asked.equals(own)) {
      throw new SfumatoException(
          String.format(
              Locale.ROOT,
              "%s %s does not suit the model, whose own is %s: leave the option out",
              option,
              asked,
              own));
    }
  }

  /** Sets what was left open to what the model is, for config.json. */
  void resolve(PixelPipeline pipeline) {
    predictionType = pipeline.scheduler().predictionType();
    classConditioning = pipeline.denoiser().conditioning().type();
    betaSchedule = pipeline.scheduler().betaSchedule();
    trainTimesteps = pipeline.scheduler().numTrainTimesteps();
  }

  /** A new model for {@code dataset}, with start weights drawn from {@code seed}. */
  PixelPipeline create(Dataset dataset, double classDropout, long seed) {
    ClassConditioning conditioning = conditioning(dataset);
    UNet2DConfig unet = unetConfig(dataset, conditioning, classDropout);
    SchedulerConfig scheduler = WrongCall.checked(command, this::scheduler);
    ClassConditionedUNet denoiser = new ClassConditionedUNet(unet, conditioning);
    try (Rng rng = new Rng(seed)) {
      denoiser.reset(rng);
    }
    return new PixelPipeline(denoiser, scheduler);
  }

  private SchedulerConfig scheduler() {
    SchedulerConfig scheduler = SchedulerConfig.ddpmDefaults();
    if (betaSchedule != null) {
      scheduler = scheduler.withBetaSchedule(betaSchedule);
    }
    if (trainTimesteps != null) {
      scheduler = scheduler.withTrainTimesteps(trainTimesteps);
    }
    if (predictionType != null) {
      scheduler = scheduler.withPredictionType(predictionType);
    }
    return scheduler;
  }

  private ClassConditioning conditioning(Dataset dataset) {
    ClassConditioning.Type type =
        Optional.ofNullable(classConditioning).orElse(ClassConditioning.Type.NONE);
    if (type == ClassConditioning.Type.NONE) {
      return ClassConditioning.NONE;
    }
    if (dataset.classNames().isEmpty()) {
      throw new SfumatoException("--class-conditioning needs data with classes: subfolders");
    }
    return new ClassConditioning(
        type,
        dataset.classNames().size(),
        type == ClassConditioning.Type.CHANNELS ? classEmbeddingSize : 0);
  }

  /** The file or preset with the channels, size and classes of the data. */
  private UNet2DConfig unetConfig(
      Dataset dataset, ClassConditioning conditioning, double classDropout) {
    UNet2DConfig unet =
        config != null && Files.isRegularFile(Path.of(config))
            ? JsonFile.read(Path.of(config), UNet2DConfig.class)
            : Presets.named(config != null ? config : presetFor(dataset));
    unet =
        unet.with("sample_size", dataset.height())
            .with("in_channels", dataset.channels() + conditioning.extraChannels())
            .with("out_channels", dataset.channels());
    if (conditioning.type() == ClassConditioning.Type.EMBEDDING) {
      int noClass = classDropout > 0 ? 1 : 0;
      unet = unet.with("num_class_embeds", conditioning.numClasses() + noClass);
    }
    unet.requireDivisible(dataset.height(), dataset.width());
    return unet;
  }

  private static String presetFor(Dataset dataset) {
    return dataset.height() < 32 ? "mnist" : dataset.height() < 128 ? "faces-32" : "ddpm-256";
  }
}
