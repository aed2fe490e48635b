package dev.sfumato.tracking;

import dev.sfumato.chart.Histogram;
import dev.sfumato.training.StepReport;
import java.awt.image.BufferedImage;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** Receives the events of a training run, in order. */
public interface Tracker extends AutoCloseable {

  /**
   * The run starts or resumes.
   *
   * @param settings all resolved options by name
   */
  default void begin(Map<String, String> settings) {}

  /** An optimiser step was taken. */
  default void step(StepReport report) {
    curves(report.step(), report.curves());
  }

  /** An epoch is over. */
  default void epoch(EpochReport report) {
    curves(report.step(), report.curves());
  }

  /** A step, an epoch or {@link #loraNorm} gave curves these values, by name. */
  default void curves(long step, Map<String, Double> values) {}

  /** Histograms of each parameter or gradient were counted, by name. */
  default void histograms(long step, Map<String, Histogram> histograms) {}

  /** The norm of all changes that a LoRA makes was taken. */
  default void loraNorm(long step, double norm) {
    curves(step, Map.of("lora_norm", norm));
  }

  /** A checkpoint is about to be written; everything before it must survive a power cut, too. */
  default void checkpoint() {}

  /**
   * Sample pictures were drawn.
   *
   * @param file the file of {@code grid}
   */
  default void samples(long step, BufferedImage grid, Path file) {}

  /**
   * The same pictures were drawn without the LoRA that learns, before those with it.
   *
   * @param file the file of {@code grid}
   */
  default void samplesWithoutLora(BufferedImage grid, Path file) {}

  /**
   * The run is over.
   *
   * @param files the files to look at, such as the report
   */
  default void end(Outcome outcome, List<Path> files) {}

  @Override
  void close();
}
