package dev.sfumato.tracking;

import dev.sfumato.training.MetricsFile;
import dev.sfumato.training.StepReport;
import java.nio.file.Path;

/** Keeps {@code metrics.csv}, a row per step, and {@code validation.csv}, a row per epoch. */
public final class CsvTracker implements Tracker {
  private final MetricsFile steps;
  private final MetricsFile validation;

  /** Opens the files for the steps after {@code done}; later rows of an earlier run are dropped. */
  public CsvTracker(Path steps, Path validation, long done) {
    this.steps = MetricsFile.ofSteps(steps, done);
    this.validation = MetricsFile.ofValidation(validation, done);
  }

  @Override
  public void step(StepReport report) {
    steps.write(report);
  }

  @Override
  public void epoch(EpochReport report) {
    report.validationLoss().ifPresent(loss -> validation.write(report.step(), loss));
  }

  @Override
  public void checkpoint() {
    steps.force();
    validation.force();
  }

  @Override
  public void close() {
    steps.close();
    validation.close();
  }
}
