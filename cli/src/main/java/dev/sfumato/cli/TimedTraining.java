package dev.sfumato.cli;

import dev.sfumato.run.LossHistory;
import dev.sfumato.run.TrainingResult;
import dev.sfumato.run.TrainingRun;
import dev.sfumato.training.StepReport;
import dev.sfumato.training.Trainer;
import java.util.List;
import java.util.Locale;

/** Runs a training for some seconds. */
final class TimedTraining implements TrainingRun.Listener, AutoCloseable {
  private final double seconds;
  private final StepProgress bar;
  private Interruption.Delay delay = () -> {};
  private long start;
  private double elapsed;
  private long firstStep;
  private long imagesBefore;

  TimedTraining(double seconds, StepProgress bar) {
    this.seconds = seconds;
    this.bar = bar;
  }

  @Override
  public void onStart(Trainer trainer, LossHistory history) {
    delay = Interruption.delay();
    start = System.nanoTime();
    firstStep = trainer.progress().step() + 1;
    imagesBefore = trainer.progress().images();
  }

  @Override
  public void onTask(String task) {
    bar.message(task);
  }

  @Override
  public void onStep(StepReport report) {
    elapsed = (System.nanoTime() - start) / 1e9;
    bar.stepTo((long) elapsed);
    bar.message(String.format(Locale.ROOT, "step %d  loss %.4f", report.step(), report.loss()));
  }

  @Override
  public boolean stopAsked() {
    return elapsed >= seconds || Interruption.asked();
  }

  /** Returns a table row: name, steps, pictures per second, mean loss. */
  List<String> row(String name, TrainingResult result) {
    return List.of(
        name,
        String.format(Locale.ROOT, "%d to %d", firstStep, result.progress().step()),
        String.format(Locale.ROOT, "%.0f", (result.progress().images() - imagesBefore) / elapsed),
        String.format(Locale.ROOT, "%.4f", result.history().recent()));
  }

  @Override
  public void close() {
    delay.close();
  }
}
