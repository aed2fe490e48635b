package dev.sfumato.sampling;

import dev.sfumato.SfumatoException;
import dev.sfumato.scheduler.SchedulerConfig;
import dev.sfumato.scheduler.SchedulerKind;
import java.util.List;
import java.util.stream.Stream;

/**
 * The settings that a model decides where {@link SamplingOptions} leave them open.
 *
 * @param scheduler the scheduler that will draw
 * @param size height and width of the model's pictures; empty if it has no own size
 */
record ModelDefaults(SchedulerConfig scheduler, List<Integer> size) {
  /** The pixels per batch above which a processor is hardly faster but needs more memory. */
  private static final int PIXELS_TOGETHER = 256 * 256;

  private static final int STEPS = 50;
  private static final int DISTILLED_STEPS = 4;

  SamplingOptions complete(SamplingOptions options) {
    if (size.isEmpty() && (options.height().isEmpty() || options.width().isEmpty())) {
      throw new SfumatoException(
          "the model's unet/config.json has no sample_size: give height and width");
    }
    int height = options.height().orElseGet(() -> size.get(0));
    int width = options.width().orElseGet(() -> size.get(size.size() - 1));
    return options
        .withSize(height, width)
        .withSteps(options.steps().orElseGet(this::steps))
        .withBatchSize(
            options
                .batchSize()
                .orElse((int) Math.max(1, PIXELS_TOGETHER / ((long) height * width))));
  }

  private int steps() {
    int trained = scheduler.numTrainTimesteps();
    if (scheduler.className().equals(SchedulerKind.DDPM.className())) {
      return trained;
    }
    boolean distilled =
        Stream.of(SchedulerKind.LCM, SchedulerKind.TCD)
            .anyMatch(kind -> scheduler.className().equals(kind.className()));
    return Math.min(distilled ? DISTILLED_STEPS : STEPS, trained);
  }
}
