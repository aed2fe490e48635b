package dev.sfumato.scheduler;

import dev.sfumato.SfumatoException;
import java.util.Comparator;
import java.util.List;

/** The timesteps that a run visits, falling. */
final class Timesteps {
  private Timesteps() {}

  /** {@code steps} timesteps, spaced as the configuration says. */
  static List<Integer> spaced(SchedulerConfig config, int steps) {
    int train = config.numTrainTimesteps();
    if (steps < 1 || steps > train) {
      throw new SfumatoException(
          "steps must lie between 1 and num_train_timesteps, which is " + train + ", not " + steps);
    }
    List<Integer> timesteps =
        config
            .timestepSpacing()
            .ascending(train, steps, config.stepsOffset())
            .boxed()
            .sorted(Comparator.reverseOrder())
            .toList();
    if (timesteps.get(0) >= train) {
      throw new SfumatoException(
          "steps_offset "
              + config.stepsOffset()
              + " leads past the last of "
              + train
              + " timesteps with "
              + steps
              + " steps: take fewer steps");
    }
    return timesteps;
  }

  /** Timesteps of one's own, checked. */
  static List<Integer> own(SchedulerConfig config, int steps, List<Integer> timesteps) {
    if (timesteps.size() != steps) {
      throw new SfumatoException(
          timesteps.size() + " timesteps are given for " + steps + " steps: give as many");
    }
    int bound = config.numTrainTimesteps();
    for (int t : timesteps) {
      if (t < 0 || t >= bound) {
        throw new SfumatoException(
            "timestep "
                + t
                + " is out of place: timesteps must fall from at most "
                + (config.numTrainTimesteps() - 1)
                + " to at least 0");
      }
      bound = t;
    }
    return timesteps;
  }
}
