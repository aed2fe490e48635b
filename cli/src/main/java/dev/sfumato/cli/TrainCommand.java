package dev.sfumato.cli;

import dev.sfumato.SfumatoException;
import dev.sfumato.data.BatchOptions;
import dev.sfumato.data.Batches;
import dev.sfumato.data.DataOptions;
import dev.sfumato.data.Dataset;
import dev.sfumato.data.Datasets;
import dev.sfumato.data.HeldOut;
import dev.sfumato.io.JsonFile;
import dev.sfumato.model.ClassConditioning;
import dev.sfumato.model.Denoiser;
import dev.sfumato.model.Presets;
import dev.sfumato.model.UNet2DConfig;
import dev.sfumato.pipeline.DiffusionPipeline;
import dev.sfumato.pipeline.OutputDirectory;
import dev.sfumato.pipeline.TrainingRun;
import dev.sfumato.pipeline.WatchOptions;
import dev.sfumato.scheduler.BetaSchedule;
import dev.sfumato.scheduler.PredictionType;
import dev.sfumato.scheduler.SchedulerConfig;
import dev.sfumato.tensor.Device;
import dev.sfumato.tensor.ProcessGroup;
import dev.sfumato.tensor.Rng;
import dev.sfumato.training.TrainingOptions;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.function.Supplier;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code sfumato train}. */
@Command(
    name = "train",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description =
        "Trains a diffusion model on pictures: from scratch, or on from the weights of --model.")
class TrainCommand implements Callable<Integer> {
  @Spec CommandSpec spec;

  @Option(
      names = "--output",
      required = true,
      paramLabel = "DIR",
      description = "Where the model and everything about the run goes.")
  Path output;

  @Option(
      names = "--model",
      paramLabel = "DIR|ID",
      description =
          "A model directory in diffusers' layout to go on from, or one of the Hub:"
              + " org/name[@revision].")
  String model;

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
      names = "--resume",
      arity = "0..1",
      paramLabel = "latest|DIR",
      fallbackValue = "latest",
      description =
          "Go on from a checkpoint of --output, with the options of then unless they are given"
              + " again.")
  String resume;

  @Option(names = "--overwrite", description = "Delete what is in --output.")
  boolean overwrite;

  @Mixin DataArguments pictures;
  @Mixin TrainingArguments training;
  @Mixin WeightArguments weights;
  @Mixin WatchArguments watching;
  @Mixin ComputeOptions compute;

  @Override
  public Integer call() {
    if (model != null && config != null && resume == null) {
      throw new ParameterException(
          spec.commandLine(), "--config describes a new model: it does not go with --model");
    }
    training.resolve();
    Device device = compute.apply();
    checked(pictures::options);
    BatchOptions batchOptions = checked(() -> pictures.batches(compute.seed));
    WatchOptions watch = checked(watching::options);
    checked(() -> training.options(PredictionType.EPSILON, compute.seed));
    Optional<Path> pretrained =
        Optional.ofNullable(model).filter(m -> resume == null).map(Downloads::pipeline);
    pretrained.ifPresent(this::followModel);
    DataOptions dataOptions = pictures.options();
    try (ProcessGroup processes = TrainingProcesses.join(spec)) {
      HeldOut heldOut =
          watching.heldOut(Datasets.open(pictures.data, dataOptions), pictures, compute.seed);
      Batches batches = new Batches(heldOut.training(), batchOptions.times(processes.size()));
      Device own = TrainingProcesses.device(spec, device, compute.device);
      if (processes.isFirst()) {
        lead(pretrained, batches, heldOut.validation(), watch, own, processes);
      } else {
        follow(pretrained, batches, own, processes);
      }
    }
    return 0;
  }

  private void lead(
      Optional<Path> pretrained,
      Batches batches,
      Dataset validation,
      WatchOptions watch,
      Device device,
      ProcessGroup processes) {
    try (OutputDirectory directory =
        resume == null ? OutputDirectory.create(output, overwrite) : OutputDirectory.open(output)) {
      Optional<Path> checkpoint = checkpoint(directory);
      processes.broadcast(checkpoint.map(Path::toString).orElse(""));
      try (DiffusionPipeline pipeline =
          pipeline(checkpoint.or(() -> pretrained), batches.dataset(), device)) {
        train(pipeline, batches, validation, watch, directory, checkpoint, processes);
      }
    }
  }

  /** What the processes after the first do: they train along, and write nothing. */
  private void follow(
      Optional<Path> pretrained, Batches batches, Device device, ProcessGroup processes) {
    Optional<Path> checkpoint =
        Optional.of(processes.broadcast("")).filter(path -> !path.isEmpty()).map(Path::of);
    try (DiffusionPipeline pipeline =
            pipeline(checkpoint.or(() -> pretrained), batches.dataset(), device);
        Interruption.Delay delay = Interruption.delay()) {
      TrainingOptions options =
          training.options(pipeline.scheduler().predictionType(), compute.seed);
      TrainingRun.follow(pipeline, batches, options, checkpoint, processes, Interruption::asked);
    }
  }

  /** The model in the folder {@code from}, or a new one, ready to be trained. */
  private DiffusionPipeline pipeline(Optional<Path> from, Dataset dataset, Device device) {
    DiffusionPipeline pipeline =
        from.map(DiffusionPipeline::load).orElseGet(() -> newModel(dataset));
    try {
      requireAsAsked(pipeline);
      weights.apply(pipeline.denoiser());
      pipeline.denoiser().to(device);
      return pipeline;
    } catch (RuntimeException e) {
      pipeline.close();
      throw e;
    }
  }

  private <T> T checked(Supplier<T> options) {
    return WrongCall.checked(spec, options);
  }

  /** Takes what is not said of the pictures from the model. */
  private void followModel(Path pretrained) {
    UNet2DConfig unet = DiffusionPipeline.unetConfig(pretrained);
    if (pictures.resolution == 0 && Set.copyOf(unet.sampleSize()).size() == 1) {
      pictures.resolution = unet.sampleSize().get(0);
    }
    if (pictures.channels == DataOptions.Channels.AUTO) {
      pictures.channels =
          unet.outChannels() == 1 ? DataOptions.Channels.GRAY : DataOptions.Channels.RGB;
    }
  }

  /** A model keeps what it was trained with: refuses to be asked for anything else. */
  private void requireAsAsked(DiffusionPipeline pipeline) {
    SchedulerConfig own = pipeline.scheduler();
    requireAsAsked("--prediction-type", training.predictionType, own.predictionType());
    requireAsAsked("--beta-schedule", betaSchedule, own.betaSchedule());
    requireAsAsked("--train-timesteps", trainTimesteps, own.numTrainTimesteps());
    requireAsAsked(
        "--class-conditioning",
        training.classConditioning,
        pipeline.denoiser().conditioning().type());
  }

  private static void requireAsAsked(String option, Object asked, Object own) {
    if (asked != null && !asked.equals(own)) {
      throw new SfumatoException(
          "%s %s does not suit the model, whose own is %s: leave the option out"
              .formatted(option, asked, own));
    }
  }

  private Optional<Path> checkpoint(OutputDirectory directory) {
    if (resume == null || resume.equals("latest")) {
      return resume == null ? Optional.empty() : directory.latestCheckpoint();
    }
    Path checkpoint = Path.of(resume);
    if (!Files.isDirectory(checkpoint)) {
      throw new SfumatoException(resume + ": there is no such checkpoint");
    }
    return Optional.of(checkpoint);
  }

  private void train(
      DiffusionPipeline pipeline,
      Batches batches,
      Dataset validation,
      WatchOptions watch,
      OutputDirectory directory,
      Optional<Path> checkpoint,
      ProcessGroup processes) {
    Dataset dataset = batches.dataset();
    TrainingOptions options = training.options(pipeline.scheduler().predictionType(), compute.seed);
    try (Interruption.Delay delay = Interruption.delay();
        TrainingRun run =
            new TrainingRun(
                pipeline, batches, validation, options, watch, directory, checkpoint, processes)) {
      resolve(pipeline, dataset);
      SavedOptions.write(spec, output);
      try (TrainingProgress progress = new TrainingProgress(run)) {
        run.run(progress);
      }
      if (run.trainer().hasNext()) {
        System.err.printf(
            "stopped after step %d of %d; --resume goes on%n",
            run.trainer().progress().step(), run.trainer().totalSteps());
      }
      System.out.println(output);
    }
  }

  /** Sets the options that were left open to what was made of them, for config.json. */
  private void resolve(DiffusionPipeline pipeline, Dataset dataset) {
    pictures.resolution = dataset.height();
    pictures.channels =
        dataset.channels() == 1 ? DataOptions.Channels.GRAY : DataOptions.Channels.RGB;
    training.predictionType = pipeline.scheduler().predictionType();
    training.classConditioning = pipeline.denoiser().conditioning().type();
    betaSchedule = pipeline.scheduler().betaSchedule();
    trainTimesteps = pipeline.scheduler().numTrainTimesteps();
  }

  private DiffusionPipeline newModel(Dataset dataset) {
    ClassConditioning conditioning = conditioning(dataset);
    UNet2DConfig unet = unetConfig(dataset, conditioning);
    SchedulerConfig scheduler = checked(this::newScheduler);
    Denoiser denoiser = new Denoiser(unet, conditioning);
    try (Rng rng = new Rng(compute.seed)) {
      denoiser.reset(rng);
    }
    return new DiffusionPipeline(denoiser, scheduler);
  }

  private SchedulerConfig newScheduler() {
    SchedulerConfig scheduler = SchedulerConfig.ddpmDefaults();
    if (betaSchedule != null) {
      scheduler = scheduler.withBetaSchedule(betaSchedule);
    }
    if (trainTimesteps != null) {
      scheduler = scheduler.withTrainTimesteps(trainTimesteps);
    }
    if (training.predictionType != null) {
      scheduler = scheduler.withPredictionType(training.predictionType);
    }
    return scheduler;
  }

  private ClassConditioning conditioning(Dataset dataset) {
    ClassConditioning.Type type =
        Optional.ofNullable(training.classConditioning).orElse(ClassConditioning.Type.NONE);
    if (type == ClassConditioning.Type.NONE) {
      return ClassConditioning.NONE;
    }
    if (dataset.classNames().isEmpty()) {
      throw new SfumatoException("--class-conditioning needs data with classes: subfolders");
    }
    return new ClassConditioning(
        type,
        dataset.classNames().size(),
        type == ClassConditioning.Type.CHANNELS ? training.classEmbeddingSize : 0);
  }

  /** The file or preset with the channels, size and classes of the data. */
  private UNet2DConfig unetConfig(Dataset dataset, ClassConditioning conditioning) {
    UNet2DConfig unet =
        config != null && Files.isRegularFile(Path.of(config))
            ? JsonFile.read(Path.of(config), UNet2DConfig.class)
            : Presets.named(config != null ? config : presetFor(dataset));
    unet =
        unet.with("sample_size", dataset.height())
            .with("in_channels", dataset.channels() + conditioning.extraChannels())
            .with("out_channels", dataset.channels());
    if (conditioning.type() == ClassConditioning.Type.EMBEDDING) {
      int noClass = training.classDropout > 0 ? 1 : 0;
      unet = unet.with("num_class_embeds", conditioning.numClasses() + noClass);
    }
    unet.requireDivisible(dataset.height(), dataset.width());
    return unet;
  }

  private static String presetFor(Dataset dataset) {
    return dataset.height() < 32 ? "mnist" : dataset.height() < 128 ? "faces-32" : "ddpm-256";
  }
}
