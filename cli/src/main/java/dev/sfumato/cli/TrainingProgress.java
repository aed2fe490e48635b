package dev.sfumato.cli;

import dev.sfumato.run.TrainingRun;
import dev.sfumato.tracking.EpochReport;
import dev.sfumato.training.StepReport;
import java.util.Locale;

/**
 * The live line of a training run: step, epoch, mean loss of the last 100 steps, images a second;
 * and a line that stays for each epoch.
 */
final class TrainingProgress implements TrainingRun.Listener, AutoCloseable {
  private final TrainingRun run;
  private final StepProgress bar;
  private final long start = System.nanoTime();
  private final long imagesBefore;

  TrainingProgress(TrainingRun run) {
    this.run = run;
    imagesBefore = run.trainer().progress().images();
    bar = new StepProgress("train", run.trainer().progress().step(), run.trainer().totalSteps());
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
            run.history().recent(),
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

  @Override
  public void close() {
    bar.close();
  }
}
