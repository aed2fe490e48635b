package dev.sfumato.tracking;

import dev.sfumato.chart.Histogram;
import dev.sfumato.chart.TensorBoardWriter;
import java.awt.image.BufferedImage;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;

/** Logs scalars, pictures and histograms into a folder that TensorBoard reads. */
public final class TensorBoardTracker implements Tracker {
  private final TensorBoardWriter writer;
  private final long done;

  /** Opens a log for the steps after {@code done}; later ones of an earlier run are hidden. */
  public TensorBoardTracker(Path folder, long done) {
    this.done = done;
    writer = TensorBoardWriter.open(folder, done == 0 ? 0 : done + 1);
  }

  @Override
  public void begin(Map<String, String> settings) {
    StringBuilder table = new StringBuilder("| option | value |\n|---|---|\n");
    settings.forEach(
        (name, value) ->
            table.append(
                String.format(Locale.ROOT, "| %s | %s |%n", name, value.replace("|", "\\|"))));
    writer.text("settings", done, table.toString());
  }

  @Override
  public void curves(long step, Map<String, Double> values) {
    writer.scalars(step, values);
  }

  @Override
  public void histograms(long step, Map<String, Histogram> histograms) {
    writer.histograms(step, histograms);
  }

  @Override
  public void samples(long step, BufferedImage grid, Path file) {
    writer.image("samples", step, grid);
  }

  @Override
  public void samplesWithoutLora(BufferedImage grid, Path file) {
    writer.image("samples without the LoRA", done, grid);
  }

  @Override
  public void close() {
    writer.close();
  }
}
