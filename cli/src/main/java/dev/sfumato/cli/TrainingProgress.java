package dev.sfumato.cli;

import dev.sfumato.data.Survey;
import dev.sfumato.run.LossHistory;
import dev.sfumato.run.TrainingRun;
import dev.sfumato.tracking.EpochReport;
import dev.sfumato.training.StepReport;
import dev.sfumato.training.Trainer;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * The live line of a training run: step, epoch, mean loss of the last 100 steps, images per second;
 * and a permanent line for each epoch.
 */
final class TrainingProgress implements TrainingRun.Listener, AutoCloseable {
  private final boolean shown;
  private LossHistory history;
  private StepProgress bar;
  private Interruption.Delay delay = () -> {};
  private long start;
  private long imagesBefore;
  private final List<String> notes = new ArrayList<>(); // to be printed if nothing fails

  /**
   * Makes a progress that is shown; in the processes after the first it only listens for the end.
   */
  TrainingProgress(boolean shown) {
    this.shown = shown;
  }

  /** Prints a line when the run starts, unless something fails before. */
  void note(String line) {
    if (shown) {
      notes.add(line);
    }
  }

  @Override
  public void onStart(Trainer trainer, LossHistory losses) {
    delay = Interruption.delay();
    history = losses;
    imagesBefore = trainer.progress().images();
    start = System.nanoTime();
    end();
    if (!trainer.hasNext()) {
      note(
          String.format(
              Locale.ROOT,
              "note: step %d is done and the run ends with step %d, so nothing is left to train: a"
                  + " larger --max-steps or --epochs goes on",
              trainer.progress().step(),
              trainer.totalSteps()));
    }
    notes.forEach(System.err::println);
    if (shown) {
      bar = new StepProgress("train", trainer.progress().step(), trainer.totalSteps());
    }
  }

  @Override
  public void onTask(String task) {
    if (shown && bar == null) {
      bar = StepProgress.ofTask("train");
    }
    if (bar != null) {
      bar.message(task);
    }
  }

  @Override
  public void onSurvey(Survey survey, int batchSize) {
    if (StepProgress.hasTerminal() && bar != null) {
      survey.lines(batchSize).forEach(bar::line);
    } else if (shown) {
      notes.addAll(survey.lines(batchSize));
    }
  }

  @Override
  public void onStep(StepReport report) {
    double seconds = (System.nanoTime() - start) / 1e9;
    bar.stepTo(report.step());
    bar.message(
        String.format(
            Locale.ROOT,
            "epoch %d  loss %.4f  %.0f images/s",
            report.epoch() + 1,
            history.recent(),
            (report.images() - imagesBefore) / seconds));
  }

  @Override
  public void onEpoch(EpochReport report) {
    bar.line(
        String.format(
            Locale.ROOT,
            "epoch %d: loss %.5f, validation loss %.5f, %.0f s",
            report.epoch() + 1,
            report.loss(),
            report.validationLoss().orElse(Double.NaN),
            report.seconds()));
  }

  @Override
  public boolean stopAsked() {
    return Interruption.asked();
  }

  /** Removes the live line. */
  void end() {
    if (bar != null) {
      bar.close();
      bar = null;
    }
  }

  @Override
  public void close() {
    end();
    delay.close();
    delay = () -> {};
  }
}
