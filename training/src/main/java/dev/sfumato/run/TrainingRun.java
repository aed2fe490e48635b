package dev.sfumato.run;

import dev.sfumato.SfumatoException;
import dev.sfumato.chart.LossChart;
import dev.sfumato.data.Batches;
import dev.sfumato.data.Dataset;
import dev.sfumato.data.HeldOut;
import dev.sfumato.picture.Png;
import dev.sfumato.pipeline.DiffusionPipeline;
import dev.sfumato.tensor.ProcessGroup;
import dev.sfumato.tracking.CsvTracker;
import dev.sfumato.tracking.EpochReport;
import dev.sfumato.tracking.MlflowTracker;
import dev.sfumato.tracking.Outcome;
import dev.sfumato.tracking.TensorBoardTracker;
import dev.sfumato.tracking.TensorHistograms;
import dev.sfumato.tracking.Tracker;
import dev.sfumato.training.DenoisingLoss;
import dev.sfumato.training.FixedNoiseLoss;
import dev.sfumato.training.StepReport;
import dev.sfumato.training.Trainer;
import dev.sfumato.training.TrainingLoss;
import java.awt.image.BufferedImage;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * Trains a model and keeps the run's output directory: metrics, loss curve, sample grids,
 * checkpoints, a report, and at the end the model itself with its card.
 */
public final class TrainingRun implements AutoCloseable {
  private final DiffusionPipeline pipeline;
  private final Dataset dataset;
  private final OutputDirectory output;
  private final WatchOptions watch;
  private final Map<String, Object> settings;
  private final String origin;
  private final Trainer trainer;
  private final FixedNoiseLoss validation;
  private final LossHistory history;
  private final List<Tracker> trackers = new ArrayList<>();
  private long savedStep;
  private long sampledStep = -1;

  /** Watches a run from outside. */
  @FunctionalInterface
  public interface Listener {
    /** Called after each optimiser step. */
    void onStep(StepReport report);

    /**
     * Called before the first step, also where the run goes on.
     *
     * @param history the losses, which grows as the run goes on
     */
    default void onStart(Trainer trainer, LossHistory history) {}

    /** Called after each epoch. */
    default void onEpoch(EpochReport report) {}

    /** Asked after each optimiser step: whether to save and end now. */
    default boolean stopAsked() {
      return false;
    }
  }

  /**
   * A run into {@code output}.
   *
   * @param pipeline the model; where {@code checkpoint} is present, as loaded from it
   * @param pictures to train on and to measure the fixed-noise loss on
   * @param checkpoint where to go on from
   * @param processes those that train together; this one is the first, the others {@link #follow}
   */
  TrainingRun(
      Training training,
      DiffusionPipeline pipeline,
      HeldOut pictures,
      OutputDirectory output,
      Optional<Path> checkpoint,
      ProcessGroup processes) {
    this.pipeline = pipeline;
    this.dataset = pictures.training();
    this.output = output;
    this.watch = training.watch();
    settings = training.settings(pipeline, dataset);
    origin = training.origin();
    trainer = trainer(training, pipeline, pictures, checkpoint, processes);
    validation = new FixedNoiseLoss(pictures.validation(), trainer.loss());
    // Before the directory is cleared: a server that is away is no reason to lose an older run.
    watch
        .mlflow()
        .map(server -> new MlflowTracker(server, output.resolve("mlflow.json")))
        .ifPresent(trackers::add);
    long done = trainer.progress().step();
    Path metrics = output.resolve("metrics.csv");
    Path validations = output.resolve("validation.csv");
    history = LossHistory.read(metrics, validations, done);
    output.startAfter(done, settings);
    savedStep = checkpoint.isPresent() ? done : -1;
    trackers.add(new CsvTracker(metrics, validations, done));
    if (watch.tensorboard()) {
      trackers.add(new TensorBoardTracker(output.resolve("tensorboard"), done));
    }
  }

  private static Trainer trainer(
      Training training,
      DiffusionPipeline pipeline,
      HeldOut pictures,
      Optional<Path> checkpoint,
      ProcessGroup processes) {
    TrainingLoss loss =
        new DenoisingLoss(pipeline.denoiser(), pipeline.scheduler(), training.objective());
    Batches batches =
        new Batches(
            pictures.training(), training.batches().times(processes.size()), training.threads());
    Trainer trainer = new Trainer(loss, batches, training.options(), processes);
    try {
      checkpoint.ifPresent(trainer::restore);
      return trainer;
    } catch (RuntimeException e) {
      trainer.close();
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
  void run(Listener listener) {
    try {
      listener.onStart(trainer, history);
      boolean stopped = train(listener);
      save(stopped);
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
    tell(tracker -> tracker.begin(facts().settings()));
    boolean stopped = trainer.processes().any(listener.stopAsked());
    if (!stopped && trainer.progress().step() == 0 && watch.samples().every() > 0) {
      sample();
    }
    while (trainer.hasNext() && !stopped) {
      int epoch = trainer.progress().epoch();
      StepReport report = trainer.step(this::lookAtGradients);
      history.add(report);
      tell(tracker -> tracker.step(report));
      if (due(watch.samples().every())) {
        sample();
      }
      listener.onStep(report);
      if (trainer.progress().epoch() != epoch) {
        listener.onEpoch(finishEpoch());
      }
      if (due(watch.checkpoints().every())) {
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
   */
  static TrainingResult follow(
      Training training,
      DiffusionPipeline pipeline,
      HeldOut pictures,
      Optional<Path> checkpoint,
      ProcessGroup processes,
      Listener listener) {
    try (Trainer trainer = trainer(training, pipeline, pictures, checkpoint, processes)) {
      listener.onStart(trainer, new LossHistory());
      while (!processes.any(listener.stopAsked()) && trainer.hasNext()) {
        trainer.step();
      }
      processes.barrier();
      return new TrainingResult(trainer.progress(), trainer.totalSteps(), new LossHistory());
    }
  }

  TrainingResult result() {
    return new TrainingResult(trainer.progress(), trainer.totalSteps(), history);
  }

  private boolean due(long every) {
    return every > 0 && trainer.progress().step() % every == 0;
  }

  /** Histograms go to TensorBoard only, and only with the sample grids: they cost time. */
  private void lookAtGradients() {
    long step = trainer.progress().step() + 1;
    if (watch.tensorboard() && watch.samples().every() > 0 && step % watch.samples().every() == 0) {
      var histograms = TensorHistograms.of(pipeline.denoiser().parameters());
      tell(tracker -> tracker.histograms(step, histograms));
    }
  }

  private EpochReport finishEpoch() {
    try (Trainer.Averages averages = trainer.useAverages()) {
      history.addValidation(trainer.progress().step(), validation.value());
    }
    EpochReport report = history.lastEpoch();
    tell(tracker -> tracker.epoch(report));
    return report;
  }

  /** Draws the grid {@code samples/step-NNNNNN.png}. */
  private void sample() {
    long step = trainer.progress().step();
    if (watch.samples().count() == 0 || sampledStep == step) {
      return;
    }
    sampledStep = step;
    Path file = output.resolve(String.format("samples/step-%06d.png", step));
    try (Trainer.Averages averages = trainer.useAverages()) {
      BufferedImage grid = new SampleGrid(pipeline, dataset, watch).draw();
      Png.write(file, grid);
      tell(tracker -> tracker.samples(step, grid, file));
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
    output.writeCheckpoint(
        step,
        folder -> {
          pipeline.save(folder);
          trainer.save(folder);
        });
    savedStep = step;
    output.prune(watch.checkpoints().keep());
  }

  /** A run that is stopped ends without samples, which take time. */
  private void save(boolean stopped) {
    checkpoint();
    try (Trainer.Averages averages = trainer.useAverages()) {
      pipeline.save(output.resolve(""));
    }
    new ModelCard(facts(), origin).write(output.resolve("README.md"));
    if (!stopped) {
      sample();
    }
  }

  private void end(Outcome outcome) {
    drawLoss();
    Path report = output.resolve("report.html");
    new TrainingReport(facts(), outcome).write(report);
    tell(tracker -> tracker.end(outcome, List.of(output.resolve("loss.png"), report)));
  }

  private RunFacts facts() {
    String data = String.valueOf(settings.get("data"));
    Path place = Path.of(data); // a card tells nobody where files lie
    String name = Files.exists(place) ? place.getFileName().toString() : data;
    String pictures =
        "%s: %,d pictures, %d x %d"
            .formatted(name, dataset.size(), dataset.width(), dataset.height());
    return new RunFacts(output, pipeline, pictures, settings, history, trainer.totalSteps());
  }

  @Override
  public void close() {
    trainer.close();
    trackers.forEach(Tracker::close);
  }
}
