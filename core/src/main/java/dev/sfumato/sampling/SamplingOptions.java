package dev.sfumato.sampling;

import dev.sfumato.SfumatoException;
import dev.sfumato.guidance.ClassifierFreeGuidance;
import dev.sfumato.scheduler.RunOptions;

/**
 * What to sample and how.
 *
 * @param count how many pictures
 * @param height of a picture in pixels
 * @param width of a picture in pixels
 * @param steps of the scheduler
 * @param batchSize pictures that go through the network together; it never changes the result,
 *     rounding of the last bits aside
 * @param labels the class of each picture (repeated to fill {@code count}); empty for none
 * @param classGuidance classifier-free guidance
 * @param run what the scheduler is told, such as eta
 */
public record SamplingOptions(
    int count,
    int height,
    int width,
    int steps,
    int batchSize,
    long[] labels,
    ClassifierFreeGuidance classGuidance,
    RunOptions run) {

  /**
   * @throws SfumatoException if a number is out of range
   */
  public SamplingOptions {
    require(count >= 1, "count must be at least 1");
    require(height >= 1 && width >= 1, "the pictures must have at least one pixel");
    require(steps >= 1, "steps must be at least 1");
    require(batchSize >= 1, "batch-size must be at least 1");
  }

  /** The same with classifier-free guidance at every step. */
  public SamplingOptions(
      int count,
      int height,
      int width,
      int steps,
      int batchSize,
      long[] labels,
      double classGuidanceScale,
      RunOptions run) {
    this(
        count,
        height,
        width,
        steps,
        batchSize,
        labels,
        ClassifierFreeGuidance.of(classGuidanceScale),
        run);
  }

  private static void require(boolean holds, String message) {
    if (!holds) {
      throw new SfumatoException(message);
    }
  }
}
