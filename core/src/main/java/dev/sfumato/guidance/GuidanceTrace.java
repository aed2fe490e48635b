package dev.sfumato.guidance;

import dev.sfumato.SfumatoException;
import dev.sfumato.io.AtomicFile;
import dev.sfumato.scheduler.Step;
import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.stream.Collectors;

/**
 * A CSV file with a row per step, written as the steps are taken: {@code
 * step,timestep,loss.<guide>...,gradient_norm}. Steps count from 1; the losses are without scale
 * and empty where a guide does not act.
 */
public final class GuidanceTrace implements AutoCloseable {
  private final Path file;
  private final List<String> names;
  private final BufferedWriter writer;

  /**
   * Begins the file.
   *
   * @param names of the guides, in the order of the columns
   * @throws SfumatoException if it cannot be written
   */
  public GuidanceTrace(Path file, List<String> names) {
    this.file = file;
    this.names = List.copyOf(names);
    String header =
        names.stream()
            .map(n -> "loss." + n + ",")
            .collect(Collectors.joining("", "step,timestep,", "gradient_norm\n"));
    try {
      AtomicFile.write(file, header.getBytes(StandardCharsets.UTF_8));
      writer = Files.newBufferedWriter(file, StandardOpenOption.APPEND);
    } catch (IOException e) {
      throw unwritable(e);
    }
  }

  /** Adds the row of a step. */
  public void write(Step step, Prediction prediction) {
    StringBuilder row = new StringBuilder();
    row.append(step.index() + 1).append(',').append(number(step.timestep())).append(',');
    for (String name : names) {
      Double loss = prediction.losses().get(name);
      row.append(loss == null ? "" : loss).append(',');
    }
    row.append(prediction.gradientNorm()).append('\n');
    try {
      writer.write(row.toString());
      writer.flush();
    } catch (IOException e) {
      throw unwritable(e);
    }
  }

  private static String number(double value) {
    return value == Math.rint(value) ? Long.toString((long) value) : Double.toString(value);
  }

  @Override
  public void close() {
    try {
      writer.close();
    } catch (IOException e) {
      throw unwritable(e);
    }
  }

  private SfumatoException unwritable(IOException e) {
    return new SfumatoException(file + ": cannot be written: " + AtomicFile.reason(e), e);
  }
}
