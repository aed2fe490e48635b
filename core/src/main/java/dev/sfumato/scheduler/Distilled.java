package dev.sfumato.scheduler;

import dev.sfumato.SfumatoException;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;

/** The timesteps of a model that was distilled to draw in a few steps. */
final class Distilled {
  private Distilled() {}

  /** Returns the timesteps that the options name, or else those of {@code steps} steps. */
  static List<Integer> timestepsOrOwn(SchedulerConfig config, int steps, RunOptions options) {
    return options.timesteps().isEmpty()
        ? timesteps(config, steps, 1)
        : Timesteps.own(config, steps, options.timesteps());
  }

  /**
   * Returns {@code steps} evenly spaced ones of the timesteps on which the model was distilled,
   * from the last on that {@code strength} leaves.
   */
  static List<Integer> timesteps(SchedulerConfig config, int steps, double strength) {
    Timesteps.requireStrength(strength);
    int train = config.numTrainTimesteps();
    int original = config.solver().originalInferenceSteps();
    if (original > train) {
      throw new SfumatoException(
          "original_inference_steps " + original + " must be at most num_train_timesteps " + train);
    }
    if (steps < 1 || steps > original) {
      throw new SfumatoException(
          "steps must lie between 1 and original_inference_steps, which is "
              + original
              + ", not "
              + steps);
    }
    int left = (int) (original * strength);
    if (steps > left) {
      throw new SfumatoException(
          String.format(
              Locale.ROOT,
              "a strength of %s leaves %d of %d original_inference_steps, which is less than %d"
                  + " steps: raise it or take fewer",
              strength,
              left,
              original,
              steps));
    }
    int stride = train / original;
    double gap = left / (double) steps;
    return IntStream.range(0, steps)
        .map(i -> (left - (int) Math.floor(i * gap)) * stride - 1)
        .boxed()
        .toList();
  }
}
