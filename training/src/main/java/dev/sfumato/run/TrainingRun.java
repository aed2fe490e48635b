package dev.sfumato.run;

import dev.sfumato.SfumatoException;
import dev.sfumato.data.Batches;
import dev.sfumato.data.Dataset;
import dev.sfumato.data.Datasets;
import dev.sfumato.data.HeldOut;
import dev.sfumato.data.Survey;
import dev.sfumato.data.TakenOnce;
import dev.sfumato.picture.Size;
import dev.sfumato.pipeline.DiffusionPipeline;
import dev.sfumato.tensor.ProcessGroup;
import dev.sfumato.tensor.Tensor;
import dev.sfumato.tracking.CsvTracker;
import dev.sfumato.tracking.EpochReport;
import dev.sfumato.tracking.MlflowTracker;
import dev.sfumato.tracking.Outcome;
import dev.sfumato.tracking.TensorBoardTracker;
import dev.sfumato.tracking.TensorHistograms;
import dev.sfumato.tracking.Tracker;
import dev.sfumato.training.FixedNoiseLoss;
import dev.sfumato.training.LearningRate;
import dev.sfumato.training.StepReport;
import dev.sfumato.training.Trainer;
import dev.sfumato.training.TrainingOptions;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.stream.IntStream;

/**
 * Trains a model and keeps the run's output directory: metrics, loss curve, sample grids,
 * checkpoints, a report, and at the end the model itself with its card.
 */
public final class TrainingRun implements AutoCloseable {
  private static final Logger log = System.getLogger(TrainingRun.class.getName());

  private final DiffusionPipeline pipeline;
  private final WatchOptions watch;
  private final RunFacts facts;
  private final RunFiles files;
  private final Trainer trainer;
  private final FixedNoiseLoss validation;
  private final LossHistory history;
  private long weighedStep = -1;
  private boolean interrupted;
  private final List<Tracker> trackers = new ArrayList<>();

  /** Watches a run from outside. */
  @FunctionalInterface
  public interface Listener {
    /** Called after each optimiser step. */
    void onStep(StepReport report);

    /**
     * Called before the first step, even if the run resumes.
     *
     * @param history the losses, which grow during the run
     */
    default void onStart(Trainer trainer, LossHistory history) {}

    /**
     * Called when work begins that is not a step and may take long, before the first step, too.
     *
     * @param task such as {@code reading the pictures}
     */
    default void onTask(String task) {}

    /**
     * Called before the pictures of a text-to-image model are decoded.
     *
     * @param survey what a look at their files found
     * @param batchSize the pictures of a batch, those of all processes
     */
    default void onSurvey(Survey survey, int batchSize) {}

    /** Called after each epoch. */
    default void onEpoch(EpochReport report) {}

    /**
     * Returns whether to save and end now; asked after each optimiser step and each step of a
     * sample. An interrupt of the training's thread asks the same.
     */
    default boolean stopAsked() {
      return false;
    }
  }

  /**
   * Prepares a run that writes into {@code output}.
   *
   * @param learner the model, loaded from {@code checkpoint} if that is present
   * @param pictures the pictures for training and for the fixed-noise loss
   * @param checkpoint the checkpoint to resume from
   * @param processes the processes that train together; this one is the first, the others {@link
   *     #follow}
   */
  TrainingRun(
      Training training,
      Learner learner,
      HeldOut pictures,
      OutputDirectory output,
      Optional<Path> checkpoint,
      ProcessGroup processes) {
    pipeline = learner.pipeline();
    this.watch = training.watch();
    Dataset dataset = pictures.training();
    Map<String, Object> settings = training.settings(learner, dataset);
    trainer = trainer(training, pipeline, pictures, checkpoint, processes);
    try {
      warnOfRate(training.options(), trainer.totalSteps());
      validation = new FixedNoiseLoss(pictures.validation(), trainer.loss());
      // Connects before the directory is cleared, so an unreachable server costs no older run.
      watch
          .mlflow()
          .map(server -> new MlflowTracker(server, output.resolve("mlflow.json")))
          .ifPresent(trackers::add);
      long done = trainer.progress().step();
      Path metrics = output.resolve("metrics.csv");
      Path validations = output.resolve("validation.csv");
      history = LossHistory.read(metrics, validations, done);
      output.startAfter(done, settings);
      facts =
          new RunFacts(
              output,
              learner,
              describe(settings, dataset),
              settings,
              history,
              trainer.totalSteps(),
              processes.size());
      files =
          new RunFiles(
              facts,
              training.description(learner),
              dataset,
              watch,
              trainer,
              checkpoint.isPresent() ? done : -1);
      trackers.add(new CsvTracker(metrics, validations, done));
      if (watch.tensorboard()) {
        trackers.add(new TensorBoardTracker(output.resolve("tensorboard"), done));
      }
    } catch (RuntimeException | Error e) {
      close();
      throw e;
    }
  }

  private static Trainer trainer(
      Training training,
      DiffusionPipeline pipeline,
      HeldOut pictures,
      Optional<Path> checkpoint,
      ProcessGroup processes) {
    Batches batches =
        new Batches(
            pictures.training(), training.batches().times(processes.size()), training.threads());
    Trainer trainer =
        new Trainer(
            training.loss(pipeline, pictures.training()), batches, training.options(), processes);
    try {
      checkpoint.ifPresent(trainer::restore);
      return trainer;
    } catch (RuntimeException | Error e) {
      trainer.close();
      throw e;
    }
  }

  private static void warnOfRate(TrainingOptions options, long totalSteps) {
    LearningRate rate = options.learningRate();
    if (options.findsRate() && rate.base() <= 0.1) {
      log.log(
          Level.WARNING,
          "prodigy finds the learning rate, and "
              + RunFacts.number(rate.base())
              + " times that is little: leave `learningRate` out, or take about 1");
    }
    if (rate.isCutShort(totalSteps)) {
      log.log(
          Level.WARNING,
          String.format(
              Locale.ROOT,
              "the warm-up takes %d optimiser steps and the run %d, so the learning rate stays below"
                  + " %s: lower `lrWarmupSteps`",
              rate.warmupSteps(),
              totalSteps,
              RunFacts.number(rate.base())));
    }
  }

  /** Returns the training loop. */
  public Trainer trainer() {
    return trainer;
  }

  /** Returns the losses so far. */
  public LossHistory history() {
    return history;
  }

  /**
   * Trains to the end, or until {@code listener} asks to stop, and saves. The report is written
   * even if that fails.
   */
  void run(Listener listener) {
    try {
      listener.onStart(trainer, history);
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
    tell(tracker -> tracker.begin(facts.settings()));
    if (trainer.progress().batch() == 0 && isUnmeasured()) { // stopped while it was measured
      finishEpoch(listener);
    }
    if (due(watch.samples().every()) && !files.hasSamples()) {
      sample(listener); // the grid of the start, or one during which the last run was stopped
    }
    boolean stopped = trainer.processes().any(stopAsked(listener));
    listener.onTask("taking the first step");
    while (trainer.hasNext() && !stopped) {
      int epoch = trainer.progress().epoch();
      StepReport report = step();
      noteInterrupt();
      history.add(report);
      tell(tracker -> tracker.step(report));
      if (due(watch.samples().every())) {
        sample(listener);
      }
      listener.onStep(report);
      noteInterrupt();
      if (trainer.progress().epoch() != epoch) {
        finishEpoch(listener);
      }
      if (due(watch.checkpoints().every())) {
        listener.onTask("saving a checkpoint");
        files.checkpoint(this::tell);
      }
      stopped = trainer.processes().any(stopAsked(listener));
    }
    if (!stopped && isUnmeasured()) { // within an epoch
      finishEpoch(listener);
    }
    trainer.processes().barrier();
    return stopped;
  }

  private StepReport step() {
    try {
      return trainer.step(this::lookAtGradients);
    } catch (Trainer.NotFinite e) {
      throw new SfumatoException(trainer.processes().broadcast(saved(e)), e);
    }
  }

  /** Saves what there was before a step that was not taken, and tells the user what to do. */
  private String saved(Trainer.NotFinite refused) {
    try {
      return refused.getMessage() + files.afterRefusedStep(this::tell);
    } catch (SfumatoException e) {
      return refused.getMessage() + "; what was before it could not be saved: " + e.getMessage();
    }
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
    } catch (Trainer.NotFinite e) {
      throw new SfumatoException(processes.broadcast(""), e); // the first has saved meanwhile
    }
  }

  TrainingResult result() {
    return new TrainingResult(trainer.progress(), trainer.totalSteps(), history);
  }

  private boolean due(long every) {
    return every > 0 && trainer.progress().step() % every == 0;
  }

  /** Histograms go to TensorBoard only, and only with the sample grids: they cost time. */
  private void lookAtGradients(Map<String, Tensor> gradients) {
    long step = trainer.progress().step() + 1;
    if (watch.tensorboard() && watch.samples().every() > 0 && step % watch.samples().every() == 0) {
      var weights = new LinkedHashMap<>(trainer.loss().network().trainableByName());
      weights.keySet().retainAll(gradients.keySet());
      var histograms = TensorHistograms.of(weights);
      tell(tracker -> tracker.histograms(step, histograms));
    }
  }

  /** Measures the validation loss and reports the epoch, unless the user asks to stop meanwhile. */
  private void finishEpoch(Listener listener) {
    listener.onTask("measuring the validation loss");
    try (Trainer.Averages averages = trainer.useAverages()) {
      validation
          .value(() -> stopAsked(listener))
          .ifPresent(loss -> history.addValidation(trainer.progress().step(), loss));
    }
    EpochReport report = history.lastEpoch();
    if (report.validationLoss().isPresent()) {
      tell(tracker -> tracker.epoch(report));
      listener.onEpoch(report);
    }
  }

  /** Returns true if the validation loss after the last step is still to be measured. */
  private boolean isUnmeasured() {
    return !history.steps().isEmpty()
        && history.lastEpoch().step() == trainer.progress().step()
        && history.lastEpoch().validationLoss().isEmpty();
  }

  private void sample(Listener listener) {
    long done = trainer.progress().step();
    if (weighedStep != done) {
      weighedStep = done;
      try (Trainer.Averages averages = trainer.useAverages()) {
        facts.learner().norm().ifPresent(norm -> tell(tracker -> tracker.loraNorm(done, norm)));
      }
    }
    files.sample(
        this::tell,
        place -> {
          listener.onTask("drawing samples, " + place);
          return stopAsked(listener);
        });
  }

  private boolean stopAsked(Listener listener) {
    noteInterrupt();
    return interrupted || listener.stopAsked();
  }

  /** Takes an interrupt as a wish to stop: while it is pending, no file can be written. */
  private void noteInterrupt() {
    interrupted |= Thread.interrupted();
  }

  /** A run that is stopped ends without samples, which take time. */
  private void save(boolean stopped, Listener listener) {
    listener.onTask("saving the model");
    noteInterrupt();
    files.checkpoint(this::tell);
    files.saveModel();
    if (!stopped) {
      sample(listener);
    }
  }

  private void end(Outcome outcome) {
    List<Path> shown = files.report(outcome);
    tell(tracker -> tracker.end(outcome, shown));
  }

  /** The name of the data is that of their file: a card tells nobody where files lie. */
  private static String describe(Map<String, Object> settings, Dataset dataset) {
    String data = String.valueOf(settings.get("data"));
    String name =
        Datasets.ofHub(data) || !Files.exists(Path.of(data))
            ? data
            : Path.of(data).toAbsolutePath().normalize().getFileName().toString();
    List<Size> sizes =
        IntStream.range(0, dataset.size())
            .mapToObj(i -> dataset.frame(i).size())
            .distinct()
            .toList();
    return String.format(
        Locale.ROOT,
        "%s: %,d pictures, %s",
        name,
        dataset instanceof TakenOnce some ? some.different() : dataset.size(),
        sizes.size() == 1
            ? sizes.get(0).width() + " x " + sizes.get(0).height()
            : String.format(
                Locale.ROOT,
                "%d sizes around %d x %d",
                sizes.size(),
                dataset.width(),
                dataset.height()));
  }

  @Override
  public void close() {
    trainer.close();
    trackers.forEach(Tracker::close);
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }
}
