package dev.sfumato.training;

import dev.sfumato.SfumatoException;
import dev.sfumato.io.AtomicFile;
import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** A CSV file with a row per step; a run that goes on drops the rows after its checkpoint. */
public final class MetricsFile implements AutoCloseable {
  private static final String STEPS = "step,epoch,images,loss,learning_rate,grad_norm,seconds";
  private static final String VALIDATION = "step,loss";

  private final Path file;
  private final BufferedWriter writer;

  private MetricsFile(Path file, String header, long keepUpTo) {
    this.file = file;
    List<String> rows = new ArrayList<>(List.of(header));
    rows.addAll(rows(file, header, keepUpTo));
    AtomicFile.write(file, (String.join("\n", rows) + "\n").getBytes(StandardCharsets.UTF_8));
    try {
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

  /** Adds a row. */
  public void write(StepReport r) {
    append(
        String.format(
            Locale.ROOT,
            "%d,%d,%d,%s,%s,%s,%.3f",
            r.step(),
            r.epoch(),
            r.images(),
            r.loss(),
            r.learningRate(),
            r.gradNorm(),
            r.seconds()));
  }

  /** Adds a row. */
  public void write(long step, double loss) {
    append(step + "," + loss);
  }

  private void append(String row) {
    try {
      writer.write(row + "\n");
      writer.flush();
    } catch (IOException e) {
      throw new SfumatoException(file + ": cannot be written: " + AtomicFile.reason(e), e);
    }
  }

  // ---- rows that are there

  /**
   * The steps that {@code metrics.csv} has up to {@code keepUpTo}; none if there is no file.
   *
   * @throws SfumatoException naming the first line that is not a row
   */
  public static List<StepReport> steps(Path file, long keepUpTo) {
    return rows(file, STEPS, keepUpTo).stream().map(MetricsFile::report).toList();
  }

  /**
   * Step and loss of the rows that {@code validation.csv} has up to {@code keepUpTo}.
   *
   * @throws SfumatoException naming the first line that is not a row
   */
  public static Map<Long, Double> validations(Path file, long keepUpTo) {
    Map<Long, Double> losses = new LinkedHashMap<>();
    for (String row : rows(file, VALIDATION, keepUpTo)) {
      losses.put(stepOf(row), Double.parseDouble(row.split(",")[1]));
    }
    return losses;
  }

  /**
   * The rows up to that of {@code keepUpTo}. What follows is written again, so it may be anything,
   * such as the half row that a kill leaves.
   */
  private static List<String> rows(Path file, String header, long keepUpTo) {
    List<String> lines = lines(file);
    List<String> rows = new ArrayList<>();
    long last = 0;
    for (int i = 0; i < lines.size() && last < keepUpTo; i++) {
      String line = lines.get(i);
      if (i == 0 ? !line.equals(header) : !isRow(line, header) || stepOf(line) <= last) {
        throw new SfumatoException(
            "%s, line %d: is not a row of %s that follows step %d: mend it, or move the file away"
                .formatted(file, i + 1, header, last));
      }
      last = i == 0 ? 0 : stepOf(line);
      if (i > 0 && last <= keepUpTo) {
        rows.add(line);
      }
    }
    return rows;
  }

  /** The whole lines of a file, which need not be text. */
  private static List<String> lines(Path file) {
    try {
      String text = Files.exists(file) ? Files.readString(file, StandardCharsets.ISO_8859_1) : "";
      return text.substring(0, text.lastIndexOf('\n') + 1).lines().toList();
    } catch (IOException e) {
      throw new SfumatoException(file + ": cannot be read: " + AtomicFile.reason(e), e);
    }
  }

  private static boolean isRow(String line, String header) {
    String[] values = line.split(",", -1);
    try {
      for (String value : values) {
        Double.parseDouble(value);
      }
      return values.length == header.split(",").length
          && stepOf(line) >= 0
          && (values.length == 2 || report(line).epoch() >= 0);
    } catch (NumberFormatException e) {
      return false;
    }
  }

  private static long stepOf(String row) {
    return Long.parseLong(row.substring(0, row.indexOf(',')));
  }

  private static StepReport report(String row) {
    String[] values = row.split(",");
    return new StepReport(
        Long.parseLong(values[0]),
        Integer.parseInt(values[1]),
        Long.parseLong(values[2]),
        Double.parseDouble(values[3]),
        Double.parseDouble(values[4]),
        Double.parseDouble(values[5]),
        Double.parseDouble(values[6]));
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
