package dev.sfumato.pipeline;

import dev.sfumato.SfumatoException;
import dev.sfumato.chart.LossChart.Point;
import dev.sfumato.io.AtomicFile;
import dev.sfumato.training.StepReport;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** The losses of a run, read back from its files when it goes on. */
public final class LossHistory {
  private static final int WINDOW = 100;

  private final List<Point> training = new ArrayList<>();
  private final List<Point> validation = new ArrayList<>();

  static LossHistory read(Path metrics, Path validation) {
    LossHistory history = new LossHistory();
    history.training.addAll(points(metrics, 3));
    history.validation.addAll(points(validation, 1));
    return history;
  }

  private static List<Point> points(Path file, int column) {
    try {
      return Files.readAllLines(file).stream()
          .skip(1)
          .map(row -> row.split(","))
          .map(cells -> new Point(Long.parseLong(cells[0]), Double.parseDouble(cells[column])))
          .toList();
    } catch (IOException e) {
      throw new SfumatoException(file + ": cannot be read: " + AtomicFile.reason(e), e);
    }
  }

  void add(StepReport report) {
    training.add(new Point(report.step(), report.loss()));
  }

  void addValidation(long step, double loss) {
    validation.add(new Point(step, loss));
  }

  /** The loss of each step. */
  public List<Point> training() {
    return Collections.unmodifiableList(training);
  }

  /** The fixed-noise loss after each epoch. */
  public List<Point> validation() {
    return Collections.unmodifiableList(validation);
  }

  /** The mean loss of the last 100 steps; NaN before the first. */
  public double recent() {
    return training.subList(Math.max(0, training.size() - WINDOW), training.size()).stream()
        .mapToDouble(Point::loss)
        .average()
        .orElse(Double.NaN);
  }
}
