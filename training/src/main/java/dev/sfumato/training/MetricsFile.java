package dev.sfumato.training;

import dev.sfumato.SfumatoException;
import dev.sfumato.io.AtomicFile;
import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * A CSV file with a row for each step: {@code metrics.csv} or {@code validation.csv}. A run that
 * goes on drops the rows after its checkpoint. Only this class knows the columns.
 */
public final class MetricsFile implements AutoCloseable {
  private static final List<String> STEPS =
      List.of("step", "epoch", "images", "loss", "learning_rate", "grad_norm", "seconds");
  private static final List<String> VALIDATION = List.of("step", "loss");

  private final Path file;
  private final List<String> columns;
  private final BufferedWriter writer;

  private MetricsFile(Path file, List<String> columns, long keepUpTo) {
    this.file = file;
    this.columns = columns;
    try {
      List<String> rows = new ArrayList<>(List.of(String.join(",", columns)));
      if (Files.exists(file)) {
        Files.readAllLines(file).stream()
            .skip(1)
            .filter(row -> isComplete(row, columns.size()) && stepOf(row) <= keepUpTo)
            .forEach(rows::add);
      }
      AtomicFile.write(file, (String.join("\n", rows) + "\n").getBytes());
      writer = Files.newBufferedWriter(file, StandardOpenOption.APPEND);
    } catch (IOException e) {
      throw new SfumatoException(file + ": cannot be written: " + AtomicFile.reason(e), e);
    }
  }

  /** Opens {@code metrics.csv} for the steps after {@code keepUpTo}. */
  public static MetricsFile ofSteps(Path file, long keepUpTo) {
    return new MetricsFile(file, STEPS, keepUpTo);
  }

  /** Opens {@code validation.csv} for the steps after {@code keepUpTo}. */
  public static MetricsFile ofValidation(Path file, long keepUpTo) {
    return new MetricsFile(file, VALIDATION, keepUpTo);
  }

  /**
   * Reads {@code metrics.csv}.
   *
   * @throws SfumatoException naming the file, and the row that does not fit
   */
  public static List<StepReport> steps(Path file) {
    return rows(file).stream().map(MetricsFile::step).toList();
  }

  /**
   * Reads {@code validation.csv}: the loss by step, in the order of the file.
   *
   * @throws SfumatoException naming the file, and the row that does not fit
   */
  public static Map<Long, Double> validationLosses(Path file) {
    Map<Long, Double> losses = new LinkedHashMap<>();
    rows(file).forEach(row -> losses.put(row.whole("step"), row.number("loss")));
    return losses;
  }

  /** Adds a row. */
  public void write(StepReport r) {
    append(
        Map.of(
            "step", r.step(),
            "epoch", r.epoch(),
            "images", r.images(),
            "loss", r.loss(),
            "learning_rate", r.learningRate(),
            "grad_norm", r.gradNorm(),
            "seconds", String.format(Locale.ROOT, "%.3f", r.seconds())));
  }

  /** Adds a row. */
  public void write(long step, double loss) {
    append(Map.of("step", step, "loss", loss));
  }

  private static StepReport step(Row row) {
    return new StepReport(
        row.whole("step"),
        Math.toIntExact(row.whole("epoch")),
        row.whole("images"),
        row.number("loss"),
        row.number("learning_rate"),
        row.number("grad_norm"),
        row.number("seconds"));
  }

  private void append(Map<String, Object> values) {
    try {
      writer.write(String.join(",", columns.stream().map(c -> values.get(c).toString()).toList()));
      writer.write("\n");
      writer.flush();
    } catch (IOException e) {
      throw new SfumatoException(file + ": cannot be written: " + AtomicFile.reason(e), e);
    }
  }

  /** The values of a line by the names in the file's first line. */
  private record Row(Path file, int line, Map<String, String> values) {
    long whole(String column) {
      try {
        return Long.parseLong(values.getOrDefault(column, ""));
      } catch (NumberFormatException e) {
        throw wrong(column, e);
      }
    }

    double number(String column) {
      try {
        return Double.parseDouble(values.getOrDefault(column, ""));
      } catch (NumberFormatException e) {
        throw wrong(column, e);
      }
    }

    private SfumatoException wrong(String column, Exception e) {
      return new SfumatoException(
          "%s, line %d: %s is not a number: delete the line or start a new run"
              .formatted(file, line, column),
          e);
    }
  }

  private static List<Row> rows(Path file) {
    try {
      List<String> lines = Files.readAllLines(file);
      List<Row> rows = new ArrayList<>();
      String[] names = lines.isEmpty() ? new String[0] : lines.get(0).split(",");
      for (int i = 1; i < lines.size(); i++) {
        String[] cells = lines.get(i).split(",");
        Map<String, String> values = new HashMap<>();
        for (int c = 0; c < Math.min(names.length, cells.length); c++) {
          values.put(names[c], cells[c]);
        }
        rows.add(new Row(file, i + 1, values));
      }
      return rows;
    } catch (IOException e) {
      throw new SfumatoException(file + ": cannot be read: " + AtomicFile.reason(e), e);
    }
  }

  private static boolean isComplete(String row, int columns) {
    return row.chars().filter(c -> c == ',').count() == columns - 1 && row.matches("\\d+,.*[^,]");
  }

  private static long stepOf(String row) {
    return Long.parseLong(row.substring(0, row.indexOf(',')));
  }

  @Override
  public void close() {
    try {
      writer.close();
    } catch (IOException e) {
      throw new SfumatoException(file + ": cannot be written: " + AtomicFile.reason(e), e);
    }
  }
}
