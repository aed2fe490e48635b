package dev.sfumato.run;

import dev.sfumato.SfumatoException;
import dev.sfumato.chart.LossChart;
import dev.sfumato.data.Batches;
import dev.sfumato.data.Dataset;
import dev.sfumato.picture.Png;
import dev.sfumato.pipeline.PixelPipeline;
import dev.sfumato.sampling.Sampler;
import dev.sfumato.scheduler.NoiseSchedule;
import dev.sfumato.tensor.ProcessGroup;
import dev.sfumato.tracking.CsvTracker;
import dev.sfumato.tracking.EpochReport;
import dev.sfumato.tracking.MlflowTracker;
import dev.sfumato.tracking.Outcome;
import dev.sfumato.tracking.TensorBoardTracker;
import dev.sfumato.tracking.TensorHistograms;
import dev.sfumato.tracking.Tracker;
import dev.sfumato.training.Ema;
import dev.sfumato.training.FixedNoiseLoss;
import dev.sfumato.training.StepReport;
import dev.sfumato.training.Trainer;
import dev.sfumato.training.TrainingOptions;
import java.awt.image.BufferedImage;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Trains a model and keeps the run's output directory: metrics, loss curve, sample grids,
 * checkpoints, a report, and at the end the model itself with its card.
 */
public final class TrainingRun implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(TrainingRun.class);

  private final PixelPipeline pipeline;
  private final Dataset dataset;
  private final OutputDirectory output;
  private final WatchOptions watch;
  private final Trainer trainer;
  private final FixedNoiseLoss validation;
  private final LossHistory history;
  private final List<Tracker> trackers = new ArrayList<>();
  private long savedStep;
  private long sampledStep = -1;

  /** Watches a run from outside. */
  public interface Listener {
    /** Called after each optimiser step. */
    void onStep(StepReport report);

    /** Called after each epoch. */
    default void onEpoch(EpochReport report) {}

    /** Asked after each optimiser step and each step of a sample: whether to save and end now. */
    default boolean stopAsked() {
      return false;
    }
  }

  /** A run of this process alone. */
  public TrainingRun(
      PixelPipeline pipeline,
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
      PixelPipeline pipeline,
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
    try {
      checkpoint.ifPresent(trainer::restore);
      this.validation = new FixedNoiseLoss(validation, schedule, options.objective());
      // Before the directory is cleared: a server that is away is no reason to lose an older run.
      watch
          .mlflow()
          .map(settings -> new MlflowTracker(settings, output.resolve("mlflow.json")))
          .ifPresent(trackers::add);
      long done = trainer.progress().step();
      Path metrics = output.resolve("metrics.csv");
      Path validations = output.resolve("validation.csv");
      history = LossHistory.read(metrics, validations, done);
      output.startAfter(done);
      savedStep = checkpoint.isPresent() ? done : -1;
      trackers.add(new CsvTracker(metrics, validations, done));
      if (watch.tensorboard()) {
        trackers.add(new TensorBoardTracker(output.resolve("tensorboard"), done));
      }
    } catch (RuntimeException e) {
      close();
      throw e;
    }
  }

  /** The training loop. */
  public Trainer trainer() {
    return trainer;
  }

  /** The losses so far. */
  public LossHistory history() {
    return history;
  }

  /**
   * Trains to the end, or until {@code listener} asks to stop, and saves. The report is written
   * also when that fails.
   */
  public void run(Listener listener) {
    try {
      boolean stopped = train(listener);
      save(stopped, listener);
      end(stopped ? Outcome.STOPPED : Outcome.FINISHED);
    } catch (RuntimeException e) {
      try {
        end(Outcome.failed(e instanceof SfumatoException ? e.getMessage() : e.toString()));
      } catch (RuntimeException another) {
        e.addSuppressed(another);
      }
      throw e;
    }
  }

  /** Returns whether the run was stopped before its end. */
  private boolean train(Listener listener) {
    Map<String, String> settings = RunFacts.settings(output);
    tell(tracker -> tracker.begin(settings));
    if (due(watch.sampleEvery()) && !Files.exists(grid())) {
      sample(listener); // of the start, or one in which the last run was stopped
    }
    boolean stopped = trainer.processes().any(listener.stopAsked());
    while (trainer.hasNext() && !stopped) {
      int epoch = trainer.progress().epoch();
      StepReport report = trainer.step(this::lookAtGradients);
      history.add(report);
      tell(tracker -> tracker.step(report));
      if (due(watch.sampleEvery())) {
        sample(listener);
      }
      listener.onStep(report);
      if (trainer.progress().epoch() != epoch) {
        listener.onEpoch(finishEpoch());
      }
      if (due(watch.checkpointEvery())) {
        checkpoint();
      }
      stopped = trainer.processes().any(listener.stopAsked());
    }
    trainer.processes().barrier();
    return stopped;
  }

  private void tell(Consumer<Tracker> news) {
    trackers.forEach(news);
  }

  /**
   * Trains along with a run of the first process, and writes nothing. The arguments are those of
   * that run.
   *
   * @param stopAsked asked after each optimiser step: whether all are to end now
   */
  public static void follow(
      PixelPipeline pipeline,
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

  /** Histograms go to TensorBoard only, and only with the sample grids: they cost time. */
  private void lookAtGradients() {
    long step = trainer.progress().step() + 1;
    if (watch.tensorboard() && watch.sampleEvery() > 0 && step % watch.sampleEvery() == 0) {
      var histograms = TensorHistograms.of(pipeline.denoiser().parameters());
      tell(tracker -> tracker.histograms(step, histograms));
    }
  }

  private EpochReport finishEpoch() {
    try (EmaInPlace swap = new EmaInPlace(trainer.ema())) {
      history.addValidation(trainer.progress().step(), validation.of(pipeline.denoiser()));
    }
    EpochReport report = history.lastEpoch();
    tell(tracker -> tracker.epoch(report));
    return report;
  }

  private Path grid() {
    long step = trainer.progress().step();
    return output.resolve(String.format(Locale.ROOT, "samples/step-%06d.png", step));
  }

  /**
   * Draws the grid {@code samples/step-NNNNNN.png}, unless the user asks to stop meanwhile; a model
   * that draws NaN is warned of.
   */
  private void sample(Listener listener) {
    long step = trainer.progress().step();
    if (watch.sampleCount() == 0 || sampledStep == step) {
      return;
    }
    sampledStep = step;
    try (EmaInPlace swap = new EmaInPlace(trainer.ema())) {
      BufferedImage grid = new SampleGrid(pipeline, dataset, watch).draw(listener::stopAsked);
      Png.write(grid(), grid);
      tell(tracker -> tracker.samples(step, grid, grid()));
    } catch (CancellationException stopped) {
      return; // the run looks at the listener next
    } catch (Sampler.NotFinite e) {
      log.warn("no sample grid after training step {}: {}", step, e.getMessage());
    }
    drawLoss();
  }

  private void drawLoss() {
    LossChart.write(output.resolve("loss.png"), history.training(), history.validation());
  }

  private void checkpoint() {
    long step = trainer.progress().step();
    if (savedStep == step) {
      return;
    }
    tell(Tracker::checkpoint);
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
  private void save(boolean stopped, Listener listener) {
    checkpoint();
    try (EmaInPlace swap = new EmaInPlace(trainer.ema())) {
      pipeline.save(output.resolve(""));
    }
    new ModelCard(facts()).write(output.resolve("README.md"));
    if (!stopped) {
      sample(listener);
    }
  }

  private void end(Outcome outcome) {
    drawLoss();
    Path report = output.resolve("report.html");
    new TrainingReport(facts(), outcome).write(report);
    tell(tracker -> tracker.end(outcome, List.of(output.resolve("loss.png"), report)));
  }

  private RunFacts facts() {
    String data = RunFacts.settings(output).getOrDefault("data", "pictures");
    Path place = Path.of(data); // a card tells nobody where files lie
    String name = Files.exists(place) ? place.getFileName().toString() : data;
    String pictures =
        String.format(
            Locale.ROOT,
            "%s: %,d pictures, %d x %d",
            name,
            dataset.size(),
            dataset.width(),
            dataset.height());
    return new RunFacts(output, pipeline, pictures, history, trainer.totalSteps());
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
    trackers.forEach(Tracker::close);
  }
}
