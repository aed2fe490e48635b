package dev.sfumato.cli;

import dev.sfumato.SfumatoException;
import dev.sfumato.data.BatchOptions;
import dev.sfumato.data.Batches;
import dev.sfumato.data.DataOptions;
import dev.sfumato.data.Dataset;
import dev.sfumato.data.Datasets;
import dev.sfumato.data.HeldOut;
import dev.sfumato.model.UNet2DConfig;
import dev.sfumato.pipeline.PixelPipeline;
import dev.sfumato.run.OutputDirectory;
import dev.sfumato.run.TrainingRun;
import dev.sfumato.run.WatchOptions;
import dev.sfumato.scheduler.PredictionType;
import dev.sfumato.tensor.Device;
import dev.sfumato.tensor.ProcessGroup;
import dev.sfumato.training.TrainingOptions;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
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
    footer = {
      "%nExamples:",
      "  sfumato train --data pictures/ --output runs/mine --resolution 32 --use-ema",
      "  sfumato train --output runs/mine --resume"
    },
    description =
        "Trains a diffusion model on pictures: from scratch, or on from the weights of --model.")
class TrainCommand implements Callable<Integer> {
  private static final String LATEST = "latest";

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
      names = "--resume",
      arity = "0..1",
      paramLabel = "latest|DIR",
      fallbackValue = LATEST,
      description =
          "Go on from a checkpoint of --output, with the options of then unless they are given"
              + " again.")
  String resume;

  @Option(names = "--overwrite", description = "Delete what is in --output.")
  boolean overwrite;

  @Mixin DataArguments pictures;
  @Mixin ModelArguments described;
  @Mixin TrainingArguments training;
  @Mixin WeightArguments weights;
  @Mixin WatchArguments watching;
  @Mixin ComputeOptions compute;

  @Override
  public Integer call() {
    boolean goesOn = goesOn();
    training.resolve();
    Device device = compute.apply();
    checked(pictures::options);
    pictures.requireOutside(output);
    BatchOptions batchOptions = checked(() -> pictures.batches(compute.seed));
    WatchOptions watch = checked(watching::options);
    checked(() -> training.options(PredictionType.EPSILON, compute.seed));
    Optional<Path> pretrained =
        Optional.ofNullable(model).filter(m -> !goesOn).map(Downloads::pipeline);
    pretrained.ifPresent(this::followModel);
    Downloads.data(pictures.data);
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

  /**
   * Whether there is a checkpoint to go on from; a run that was stopped before its first one starts
   * again.
   */
  private boolean goesOn() {
    if (resume != null && overwrite) {
      throw new ParameterException(
          spec.commandLine(),
          "--resume keeps what is in --output: it does not go with --overwrite");
    }
    boolean goesOn =
        resume != null
            && (resume.equals(LATEST)
                ? OutputDirectory.hasCheckpoint(output)
                : Files.isDirectory(Path.of(resume)));
    if (goesOn) {
      SavedOptions.requireAsBefore(spec);
    } else if (model != null && described.config != null) {
      throw new ParameterException(
          spec.commandLine(), "--config describes a new model: it does not go with --model");
    }
    return goesOn;
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
      try (PixelPipeline pipeline =
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
    try (PixelPipeline pipeline =
            pipeline(checkpoint.or(() -> pretrained), batches.dataset(), device);
        Interruption.Delay delay = Interruption.delay()) {
      TrainingOptions options =
          training.options(pipeline.scheduler().predictionType(), compute.seed);
      TrainingRun.follow(pipeline, batches, options, checkpoint, processes, Interruption::asked);
    }
  }

  /** The model in the folder {@code from}, or a new one, ready to be trained. */
  private PixelPipeline pipeline(Optional<Path> from, Dataset dataset, Device device) {
    PixelPipeline pipeline =
        from.map(PixelPipeline::load)
            .orElseGet(() -> described.create(dataset, training.classDropout, compute.seed));
    try {
      described.requireSuits(pipeline);
      weights.apply(pipeline.denoiser());
      compute.place(pipeline, device);
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
    UNet2DConfig unet = PixelPipeline.unetConfig(pretrained);
    int sides = Set.copyOf(unet.sampleSize()).size();
    if (pictures.resolution == 0 && sides > 1) {
      throw new SfumatoException(
          String.format(
                  Locale.ROOT,
                  "%s: draws pictures of %d x %d pixels (height x width), but training takes squares:",
                  model,
                  unet.sampleSize().get(0),
                  unet.sampleSize().get(1))
              + " choose their side with --resolution");
    }
    if (pictures.resolution == 0 && sides == 1) {
      pictures.resolution = unet.sampleSize().get(0);
    }
    if (pictures.channels == DataOptions.Channels.AUTO) {
      pictures.channels =
          unet.outChannels() == 1 ? DataOptions.Channels.GRAY : DataOptions.Channels.RGB;
    }
  }

  private Optional<Path> checkpoint(OutputDirectory directory) {
    if (resume == null || resume.equals(LATEST)) {
      return resume == null ? Optional.empty() : directory.latestCheckpoint();
    }
    Path checkpoint = Path.of(resume);
    if (!Files.isDirectory(checkpoint)) {
      throw new SfumatoException(resume + ": there is no such checkpoint");
    }
    return Optional.of(checkpoint);
  }

  private void train(
      PixelPipeline pipeline,
      Batches batches,
      Dataset validation,
      WatchOptions watch,
      OutputDirectory directory,
      Optional<Path> checkpoint,
      ProcessGroup processes) {
    Dataset dataset = batches.dataset();
    TrainingOptions options = training.options(pipeline.scheduler().predictionType(), compute.seed);
    resolve(pipeline, dataset);
    directory.settings(SavedOptions.resolved(spec));
    try (Interruption.Delay delay = Interruption.delay();
        TrainingRun run =
            new TrainingRun(
                pipeline, batches, validation, options, watch, directory, checkpoint, processes)) {
      try (TrainingProgress progress = new TrainingProgress(run)) {
        run.run(progress);
      }
      if (run.trainer().hasNext()) {
        System.err.printf(
            Locale.ROOT,
            "stopped after step %d of %d; --resume goes on%n",
            run.trainer().progress().step(),
            run.trainer().totalSteps());
      }
      System.out.println(output);
    }
  }

  /** Sets the options that were left open to what was made of them, for config.json. */
  private void resolve(PixelPipeline pipeline, Dataset dataset) {
    pictures.resolution = dataset.height();
    pictures.channels =
        dataset.channels() == 1 ? DataOptions.Channels.GRAY : DataOptions.Channels.RGB;
    described.resolve(pipeline);
  }
}
