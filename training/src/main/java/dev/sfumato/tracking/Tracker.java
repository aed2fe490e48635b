package dev.sfumato.tracking;

import dev.sfumato.chart.Histogram;
import dev.sfumato.training.StepReport;
import java.awt.image.BufferedImage;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** Is told what a training run does, in the order in which it happens; each keeps what it wants. */
public interface Tracker extends AutoCloseable {

  /**
   * The run starts or goes on.
   *
   * @param settings all resolved options by name
   */
  default void begin(Map<String, String> settings) {}

  /** An optimiser step was taken. */
  default void step(StepReport report) {}

  /** An epoch is over. */
  default void epoch(EpochReport report) {}

  /** How the values of each parameter, or of each gradient, are spread; by name. */
  default void histograms(long step, Map<String, Histogram> histograms) {}

  /** A checkpoint is about to be written: what led to it must outlast a power cut, too. */
  default void checkpoint() {}

  /**
   * Sample pictures were drawn.
   *
   * @param file where {@code grid} was saved
   */
  default void samples(long step, BufferedImage grid, Path file) {}

  /**
   * The run is over.
   *
   * @param files what it leaves to look at, such as the report
   */
  default void end(Outcome outcome, List<Path> files) {}

  @Override
  void close();
}
