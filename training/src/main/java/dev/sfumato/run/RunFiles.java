package dev.sfumato.run;

import dev.sfumato.SfumatoException;
import dev.sfumato.chart.LossChart;
import dev.sfumato.data.Dataset;
import dev.sfumato.picture.Png;
import dev.sfumato.pipeline.LiveLora;
import dev.sfumato.sampling.Sampler;
import dev.sfumato.tracking.Outcome;
import dev.sfumato.tracking.Tracker;
import dev.sfumato.training.Trainer;
import java.awt.image.BufferedImage;
import java.lang.System.Logger.Level;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import java.util.function.Consumer;
import java.util.function.Predicate;

/**
 * The files of a run besides metrics: sample grids, the loss curve, checkpoints, and at the end the
 * model, its card and the report.
 */
final class RunFiles {
  private static final System.Logger log = System.getLogger(RunFiles.class.getName());

  /** The sample grid of a LoRA's base model. */
  static final String WITHOUT = "samples/without-lora.png";

  private final RunFacts facts;
  private final String description;
  private final Dataset dataset;
  private final WatchOptions watch;
  private final Trainer trainer;
  private long savedStep;
  private long sampledStep = -1;

  /**
   * The files of a run.
   *
   * @param description the description of the model, for the card
   * @param dataset pictures of the size to draw
   * @param savedStep the step of the checkpoint from which the run resumes, else -1
   */
  RunFiles(
      RunFacts facts,
      String description,
      Dataset dataset,
      WatchOptions watch,
      Trainer trainer,
      long savedStep) {
    this.facts = facts;
    this.description = description;
    this.dataset = dataset;
    this.watch = watch;
    this.trainer = trainer;
    this.savedStep = savedStep;
    samples().warnOfCuts();
  }

  private Path file(String name) {
    return facts.output().resolve(name);
  }

  private Path grid() {
    return file(String.format(Locale.ROOT, "samples/step-%06d.png", trainer.progress().step()));
  }

  /** Returns whether the grid of this step exists. */
  boolean hasSamples() {
    return Files.exists(grid());
  }

  /**
   * Draws the grid {@code samples/step-NNNNNN.png}, once for each step, and tells the trackers,
   * unless the user asks to stop meanwhile. If the model draws NaN, it logs a warning.
   */
  void sample(Consumer<Consumer<Tracker>> tell, Predicate<String> stopAsked) {
    long step = trainer.progress().step();
    if (watch.samples().count() == 0 || sampledStep == step) {
      return;
    }
    sampledStep = step;
    SampleGrid samples = samples();
    try (Trainer.Averages averages = trainer.useAverages()) {
      drawWithout(samples, tell, stopAsked);
      BufferedImage grid = samples.draw(stopAsked);
      Png.write(grid(), grid);
      tell.accept(tracker -> tracker.samples(step, grid, grid()));
    } catch (CancellationException stopped) {
      return; // the run asks the listener next
    } catch (Sampler.NotFinite e) {
      log.log(Level.WARNING, "no sample grid after training step " + step + ": " + e.getMessage());
    }
    drawLoss();
  }

  private SampleGrid samples() {
    return new SampleGrid(facts.pipeline(), dataset, watch);
  }

  /** Draws the same without the LoRA, once for a run. */
  private void drawWithout(
      SampleGrid samples, Consumer<Consumer<Tracker>> tell, Predicate<String> stopAsked) {
    Path file = file(WITHOUT);
    if (facts.learner().lora().isEmpty() || Files.exists(file)) {
      return;
    }
    LiveLora lora = facts.learner().lora().get();
    lora.scale(0);
    try {
      BufferedImage grid = samples.draw(stopAsked);
      Png.write(file, grid);
      tell.accept(tracker -> tracker.samplesWithoutLora(grid, file));
    } finally {
      lora.scale(1);
    }
  }

  private void drawLoss() {
    LossHistory history = facts.history();
    LossChart.write(file("loss.png"), history.training(), history.validation());
  }

  /**
   * Tells the trackers and saves the state of the run, unless this step's checkpoint exists, and
   * deletes the oldest ones.
   *
   * @throws SfumatoException if the state is not finite; then nothing is deleted, either
   */
  void checkpoint(Consumer<Consumer<Tracker>> tell) {
    Optional<String> wrong = trainer.notFinite();
    if (wrong.isPresent()) {
      throw new SfumatoException(
          "step " + trainer.progress().step() + " was taken" + divergence().without(wrong.get()));
    }
    if (write(tell)) {
      facts.output().prune(watch.checkpoints().keep());
    }
  }

  /**
   * Saves the state before a step that was not taken, if it is finite. Older checkpoints stay: the
   * run may have gone wrong before.
   *
   * @return what to tell the user
   */
  String afterRefusedStep(Consumer<Consumer<Tracker>> tell) {
    Optional<String> wrong = trainer.notFinite();
    if (wrong.isPresent()) {
      return divergence().without(wrong.get());
    }
    write(tell);
    return divergence().from(facts.output().checkpoint(savedStep));
  }

  private Divergence divergence() {
    return new Divergence(facts, trainer);
  }

  /** Returns whether it has written a checkpoint; that of this step may exist. */
  private boolean write(Consumer<Consumer<Tracker>> tell) {
    long step = trainer.progress().step();
    if (savedStep == step) {
      return false;
    }
    tell.accept(Tracker::checkpoint);
    facts
        .output()
        .writeCheckpoint(
            step,
            folder -> {
              facts.learner().saveState(folder);
              trainer.save(folder);
            });
    savedStep = step;
    return true;
  }

  /** Saves the model, with averaged weights if the run keeps them, and its card. */
  void saveModel() {
    try (Trainer.Averages averages = trainer.useAverages()) {
      facts.learner().saveResult(file(""));
      new ModelCard(facts, description).write(file("README.md"));
    }
  }

  /** Writes the report, and returns the files to look at. */
  List<Path> report(Outcome outcome) {
    drawLoss();
    Path report = file("report.html");
    try (Trainer.Averages averages = trainer.useAverages()) {
      new TrainingReport(facts, outcome, samples().promptRows()).write(report);
    }
    return List.of(file("loss.png"), report);
  }
}
