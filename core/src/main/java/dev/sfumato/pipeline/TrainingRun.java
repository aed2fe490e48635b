package dev.sfumato.pipeline;

import dev.sfumato.chart.LossChart;
import dev.sfumato.chart.Png;
import dev.sfumato.chart.TensorBoardWriter;
import dev.sfumato.data.Batches;
import dev.sfumato.data.Dataset;
import dev.sfumato.sampling.Sampler;
import dev.sfumato.sampling.SamplingOptions;
import dev.sfumato.scheduler.NoiseSchedule;
import dev.sfumato.scheduler.RunOptions;
import dev.sfumato.scheduler.Scheduler;
import dev.sfumato.tensor.ProcessGroup;
import dev.sfumato.tensor.Rng;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import dev.sfumato.training.Ema;
import dev.sfumato.training.FixedNoiseLoss;
import dev.sfumato.training.MetricsFile;
import dev.sfumato.training.StepReport;
import dev.sfumato.training.Trainer;
import dev.sfumato.training.TrainingOptions;
import java.awt.image.BufferedImage;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import java.util.stream.LongStream;

/**
 * Trains a model and keeps the run's output directory: metrics, loss curve, sample grids,
 * checkpoints, and at the end the model itself.
 */
public final class TrainingRun implements AutoCloseable {
  private static final long SAMPLE_SEED = 0;

  private final DiffusionPipeline pipeline;
  private final Dataset dataset;
  private final OutputDirectory output;
  private final WatchOptions watch;
  private final Trainer trainer;
  private final FixedNoiseLoss validation;
  private final LossHistory history;
  private final MetricsFile metrics;
  private final MetricsFile validationMetrics;
  private final Optional<TensorBoardWriter> tensorboard;
  private long savedStep;
  private long sampledStep = -1;

  /** Watches a run from outside. */
  public interface Listener {
    /** Called after each optimiser step. */
    void onStep(StepReport report);

    /** Asked after each optimiser step: whether to save and end now. */
    default boolean stopAsked() {
      return false;
    }
  }

  /** A run of this process alone. */
  public TrainingRun(
      DiffusionPipeline pipeline,
      Batches batches,
      Dataset validation,
      TrainingOptions options,
      WatchOptions watch,
      OutputDirectory output,
      Optional<Path> checkpoint) {
    this(pipeline, batches, validation, options, watch, output, checkpoint, ProcessGroup.alone());
  }

  /**
   * A run into {@code output}.
   *
   * @param pipeline the model; where {@code checkpoint} is present, as loaded from it
   * @param batches the data
   * @param validation pictures to measure the fixed-noise loss on
   * @param checkpoint where to go on from
   * @param processes those that train together; this one is the first, the others {@link #follow}
   */
  public TrainingRun(
      DiffusionPipeline pipeline,
      Batches batches,
      Dataset validation,
      TrainingOptions options,
      WatchOptions watch,
      OutputDirectory output,
      Optional<Path> checkpoint,
      ProcessGroup processes) {
    this.pipeline = pipeline;
    this.dataset = batches.dataset();
    this.output = output;
    this.watch = watch;
    NoiseSchedule schedule = NoiseSchedule.of(pipeline.scheduler());
    trainer = new Trainer(pipeline.denoiser(), schedule, batches, options, processes);
    checkpoint.ifPresent(trainer::restore);
    this.validation = new FixedNoiseLoss(validation, schedule, options.objective());
    long done = trainer.progress().step();
    output.startAfter(done);
    savedStep = checkpoint.isPresent() ? done : -1;
    metrics = MetricsFile.ofSteps(output.resolve("metrics.csv"), done);
    validationMetrics = MetricsFile.ofValidation(output.resolve("validation.csv"), done);
    history = LossHistory.read(output.resolve("metrics.csv"), output.resolve("validation.csv"));
    tensorboard =
        watch.tensorboard()
            ? Optional.of(TensorBoardWriter.open(output.resolve("tensorboard"), done + 1))
            : Optional.empty();
  }

  /** The training loop. */
  public Trainer trainer() {
    return trainer;
  }

  /** The losses so far. */
  public LossHistory history() {
    return history;
  }

  /** Trains to the end, or until {@code listener} asks to stop, and saves. */
  public void run(Listener listener) {
    boolean stopped = trainer.processes().any(listener.stopAsked());
    while (trainer.hasNext() && !stopped) {
      int epoch = trainer.progress().epoch();
      StepReport report = trainer.step();
      record(report);
      if (due(watch.sampleEvery())) {
        sample();
      }
      if (trainer.progress().epoch() != epoch) {
        validate();
      }
      if (due(watch.checkpointEvery())) {
        checkpoint();
      }
      listener.onStep(report);
      stopped = trainer.processes().any(listener.stopAsked());
    }
    trainer.processes().barrier();
    finish(stopped);
  }

  /**
   * Trains along with a run of the first process, and writes nothing. The arguments are those of
   * that run.
   *
   * @param stopAsked asked after each optimiser step: whether all are to end now
   */
  public static void follow(
      DiffusionPipeline pipeline,
      Batches batches,
      TrainingOptions options,
      Optional<Path> checkpoint,
      ProcessGroup processes,
      BooleanSupplier stopAsked) {
    NoiseSchedule schedule = NoiseSchedule.of(pipeline.scheduler());
    try (Trainer trainer =
        new Trainer(pipeline.denoiser(), schedule, batches, options, processes)) {
      checkpoint.ifPresent(trainer::restore);
      while (!processes.any(stopAsked.getAsBoolean()) && trainer.hasNext()) {
        trainer.step();
      }
      processes.barrier();
    }
  }

  private boolean due(long every) {
    return every > 0 && trainer.progress().step() % every == 0;
  }

  private void record(StepReport report) {
    metrics.write(report);
    history.add(report);
    tensorboard.ifPresent(
        t ->
            t.scalars(
                report.step(),
                Map.of(
                    "loss", report.loss(),
                    "learning_rate", report.learningRate(),
                    "grad_norm", report.gradNorm())));
  }

  private void validate() {
    try (EmaInPlace swap = new EmaInPlace(trainer.ema())) {
      double loss = validation.of(pipeline.denoiser());
      long step = trainer.progress().step();
      validationMetrics.write(step, loss);
      history.addValidation(step, loss);
      tensorboard.ifPresent(t -> t.scalar("validation_loss", step, loss));
    }
  }

  /** Draws the grid {@code samples/step-NNNNNN.png}, each time from the same start noise. */
  private void sample() {
    long step = trainer.progress().step();
    if (watch.sampleCount() == 0 || sampledStep == step) {
      return;
    }
    sampledStep = step;
    int classes = pipeline.denoiser().conditioning().numClasses();
    long[] labels = LongStream.range(0, classes).toArray();
    SamplingOptions options =
        new SamplingOptions(
            watch.sampleCount(),
            dataset.height(),
            dataset.width(),
            Math.min(watch.sampleSteps(), pipeline.scheduler().numTrainTimesteps()),
            watch.sampleCount(),
            labels,
            1,
            RunOptions.defaults());
    try (Scope scope = Scope.open();
        Rng random = new Rng(SAMPLE_SEED);
        EmaInPlace swap = new EmaInPlace(trainer.ema())) {
      Sampler sampler =
          new Sampler(
              pipeline.denoiser(), Scheduler.of(pipeline.scheduler().withClassName("ddim")));
      Tensor images = sampler.sample(options, random, (s, x) -> {});
      BufferedImage grid = Pictures.grid(images, rows(classes));
      Png.write(output.resolve(String.format("samples/step-%06d.png", step)), grid);
      tensorboard.ifPresent(t -> t.image("samples", step, grid));
    }
    LossChart.write(output.resolve("loss.png"), history.training(), history.validation());
  }

  /** A column per class where the count allows it, else about square. */
  private int rows(int classes) {
    int count = watch.sampleCount();
    return classes > 0 && count % classes == 0 ? count / classes : Pictures.squareRows(count);
  }

  private void checkpoint() {
    long step = trainer.progress().step();
    if (savedStep == step) {
      return;
    }
    output.writeCheckpoint(
        step,
        folder -> {
          pipeline.save(folder);
          trainer.save(folder);
        });
    savedStep = step;
    output.prune(watch.checkpointsKeep());
  }

  /** Who stops a run does not want to wait for samples. */
  private void finish(boolean stopped) {
    checkpoint();
    try (EmaInPlace swap = new EmaInPlace(trainer.ema())) {
      pipeline.save(output.resolve(""));
    }
    if (!stopped) {
      sample();
    }
    LossChart.write(output.resolve("loss.png"), history.training(), history.validation());
    new TrainingReport(output, pipeline.denoiser(), history, trainer.totalSteps()).write();
  }

  /** The averaged weights in the place of the raw ones, if the run keeps them. */
  private record EmaInPlace(Optional<Ema.Swap> swap, boolean ignored) implements AutoCloseable {
    EmaInPlace(Optional<Ema> ema) {
      this(ema.map(Ema::swapIn), true);
    }

    @Override
    public void close() {
      swap.ifPresent(Ema.Swap::close);
    }
  }

  @Override
  public void close() {
    trainer.close();
    metrics.close();
    validationMetrics.close();
    tensorboard.ifPresent(TensorBoardWriter::close);
  }
}
