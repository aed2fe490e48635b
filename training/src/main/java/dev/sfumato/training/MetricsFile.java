package dev.sfumato.training;

import dev.sfumato.SfumatoException;
import dev.sfumato.io.AtomicFile;
import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** A CSV file with a row per step; a run that goes on drops the rows after its checkpoint. */
public final class MetricsFile implements AutoCloseable {
  private static final String STEPS = "step,epoch,images,loss,learning_rate,grad_norm,seconds";
  private static final String VALIDATION = "step,loss";

  private final Path file;
  private final BufferedWriter writer;

  private MetricsFile(Path file, String header, long keepUpTo) {
    this.file = file;
    try {
      List<String> rows = new ArrayList<>(List.of(header));
      if (Files.exists(file)) {
        Files.readAllLines(file).stream()
            .skip(1)
            .filter(row -> isComplete(row, header) && stepOf(row) <= keepUpTo)
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

  private static boolean isComplete(String row, String header) {
    return row.chars().filter(c -> c == ',').count() == header.chars().filter(c -> c == ',').count()
        && row.matches("\\d+,.*[^,]");
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
