package dev.sfumato.run;

import dev.sfumato.chart.LossChart;
import dev.sfumato.chart.LossChart.Point;
import dev.sfumato.tracking.EpochReport;
import dev.sfumato.training.MetricsFile;
import dev.sfumato.training.StepReport;
import java.lang.System.Logger.Level;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.OptionalDouble;

/** The losses of a run; a resumed run reads them from its files. */
public final class LossHistory {
  private static final System.Logger log = System.getLogger(LossHistory.class.getName());

  private final List<StepReport> steps = new ArrayList<>();
  private final List<Point> validation = new ArrayList<>();

  /** Reads the files up to step {@code done}. */
  static LossHistory read(Path metrics, Path validation, long done) {
    LossHistory history = new LossHistory();
    history.steps.addAll(MetricsFile.steps(metrics, done));
    if (history.steps.size() < done) {
      log.log(
          Level.WARNING,
          metrics
              + ": has "
              + history.steps.size()
              + " of the "
              + done
              + " steps so far: curves and report lack the others");
    }
    MetricsFile.validationLosses(validation, done).forEach(history::addValidation);
    return history;
  }

  void add(StepReport report) {
    steps.add(report);
  }

  void addValidation(long step, double loss) {
    validation.add(new Point(step, loss));
  }

  /** Returns the report of each optimiser step. */
  public List<StepReport> steps() {
    return Collections.unmodifiableList(steps);
  }

  /** Returns the loss of each step. */
  public List<Point> training() {
    return steps.stream().map(report -> new Point(report.step(), report.loss())).toList();
  }

  /** Returns the fixed-noise loss after each epoch, and at the end. */
  public List<Point> validation() {
    return Collections.unmodifiableList(validation);
  }

  /** Returns the mean loss of the last 100 steps; NaN before the first. */
  public double recent() {
    return steps.subList(Math.max(0, steps.size() - LossChart.WINDOW), steps.size()).stream()
        .mapToDouble(StepReport::loss)
        .average()
        .orElse(Double.NaN);
  }

  /** Returns the epochs so far; the last may be unfinished. */
  public List<EpochReport> epochs() {
    List<EpochReport> epochs = new ArrayList<>();
    int start = 0;
    for (int end = 1; end <= steps.size(); end++) {
      if (end == steps.size() || steps.get(end).epoch() != steps.get(start).epoch()) {
        epochs.add(epoch(start, end));
        start = end;
      }
    }
    return epochs;
  }

  /** Returns the epoch of the last step, which may be unfinished. */
  EpochReport lastEpoch() {
    int start = steps.size() - 1;
    while (start > 0 && steps.get(start - 1).epoch() == steps.get(start).epoch()) {
      start--;
    }
    return epoch(start, steps.size());
  }

  /** Averages an epoch; smaller steps at its end weigh less. */
  private EpochReport epoch(int start, int end) {
    double sum = 0;
    double seconds = 0;
    long before = start == 0 ? 0 : steps.get(start - 1).images();
    long images = before;
    for (StepReport step : steps.subList(start, end)) {
      sum += step.loss() * (step.images() - images);
      seconds += step.seconds();
      images = step.images();
    }
    StepReport last = steps.get(end - 1);
    OptionalDouble measured =
        validation.stream()
            .filter(point -> point.step() == last.step())
            .mapToDouble(Point::loss)
            .findFirst();
    long seen = images - before;
    return new EpochReport(last.epoch(), last.step(), seen, sum / seen, measured, seconds);
  }
}
