package dev.sfumato.training;

import dev.sfumato.SfumatoException;
import dev.sfumato.io.AtomicFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
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
 * A CSV file with a row for each step: {@code metrics.csv} or {@code validation.csv}. A resumed run
 * drops the rows after its checkpoint. Only this class knows the columns.
 */
public final class MetricsFile implements AutoCloseable {
  private static final List<String> STEPS =
      List.of("step", "epoch", "images", "loss", "learning_rate", "grad_norm", "seconds");
  private static final List<String> VALIDATION = List.of("step", "loss");

  private final Path file;
  private final List<String> columns;
  private final FileChannel channel; // append mode: each row is written at once

  private MetricsFile(Path file, List<String> columns, long keepUpTo) {
    this.file = file;
    this.columns = columns;
    List<String> lines = new ArrayList<>(List.of(String.join(",", columns)));
    rows(file, columns, keepUpTo).forEach(row -> lines.add(row.line(columns)));
    AtomicFile.write(file, (String.join("\n", lines) + "\n").getBytes(StandardCharsets.UTF_8));
    try {
      channel = FileChannel.open(file, StandardOpenOption.APPEND);
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
   * Reads the rows of {@code metrics.csv} up to step {@code keepUpTo}; none if there is no file.
   *
   * @throws SfumatoException naming the file and the invalid row
   */
  public static List<StepReport> steps(Path file, long keepUpTo) {
    return rows(file, STEPS, keepUpTo).stream().map(MetricsFile::step).toList();
  }

  /**
   * Reads the losses by step in {@code validation.csv} up to step {@code keepUpTo}.
   *
   * @throws SfumatoException naming the file and the invalid row
   */
  public static Map<Long, Double> validationLosses(Path file, long keepUpTo) {
    Map<Long, Double> losses = new LinkedHashMap<>();
    rows(file, VALIDATION, keepUpTo)
        .forEach(row -> losses.put(row.whole("step"), row.number("loss")));
    return losses;
  }

  /** Forces the rows to the disk; a checkpoint is useless without the rows before it. */
  public void force() {
    try {
      channel.force(false);
    } catch (IOException e) {
      throw new SfumatoException(file + ": cannot be written: " + AtomicFile.reason(e), e);
    }
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
        (int) Math.min(row.whole("epoch"), Integer.MAX_VALUE),
        row.whole("images"),
        row.number("loss"),
        row.number("learning_rate"),
        row.number("grad_norm"),
        row.number("seconds"));
  }

  private void append(Map<String, Object> values) {
    try {
      String row = String.join(",", columns.stream().map(c -> values.get(c).toString()).toList());
      channel.write(ByteBuffer.wrap((row + "\n").getBytes(StandardCharsets.UTF_8)));
    } catch (IOException e) {
      throw new SfumatoException(file + ": cannot be written: " + AtomicFile.reason(e), e);
    }
  }

  // ---- reading rows

  /** The values of a line by the names in the file's first line. */
  private record Row(Path file, int number, Map<String, String> values) {
    long whole(String column) {
      double value = number(column);
      if (value < 0 || value > 1L << 53 || value != Math.rint(value)) {
        throw wrong(column + " is not a count");
      }
      return (long) value;
    }

    double number(String column) {
      try {
        return Double.parseDouble(values.getOrDefault(column, ""));
      } catch (NumberFormatException e) {
        throw wrong(column + " is not a number");
      }
    }

    String line(List<String> columns) {
      return String.join(",", columns.stream().map(values::get).toList());
    }

    SfumatoException wrong(String what) {
      return new SfumatoException(
          String.format(
              Locale.ROOT,
              "%s, line %d: %s: correct the line, or move the file away",
              file,
              number,
              what));
    }
  }

  /**
   * Reads the rows up to step {@code keepUpTo}. Later rows are written again, so they may be
   * damaged, such as the half row of a killed run.
   */
  private static List<Row> rows(Path file, List<String> columns, long keepUpTo) {
    List<String> lines = lines(file);
    List<Row> rows = new ArrayList<>();
    long last = 0;
    for (int i = 1; i < lines.size() && last < keepUpTo; i++) {
      Row row = new Row(file, i + 1, values(lines.get(0), lines.get(i)));
      columns.forEach(row::number);
      if (row.whole("step") <= last) {
        throw row.wrong("the step before it is " + last);
      }
      last = row.whole("step");
      if (last <= keepUpTo) {
        rows.add(row);
      }
    }
    return rows;
  }

  private static Map<String, String> values(String header, String line) {
    String[] names = header.split(",");
    String[] cells = line.split(",", -1);
    Map<String, String> values = new HashMap<>();
    for (int i = 0; i < names.length && names.length == cells.length; i++) {
      values.put(names[i], cells[i]);
    }
    return values;
  }

  /** Reads the complete lines of a file, which need not be text. */
  private static List<String> lines(Path file) {
    try {
      String text = Files.exists(file) ? Files.readString(file, StandardCharsets.ISO_8859_1) : "";
      return text.substring(0, text.lastIndexOf('\n') + 1).lines().toList();
    } catch (IOException e) {
      throw new SfumatoException(file + ": cannot be read: " + AtomicFile.reason(e), e);
    }
  }

  @Override
  public void close() {
    try {
      channel.close();
    } catch (IOException e) {
      throw new SfumatoException(file + ": cannot be written: " + AtomicFile.reason(e), e);
    }
  }
}
