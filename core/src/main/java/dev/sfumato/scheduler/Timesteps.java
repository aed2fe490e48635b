package dev.sfumato.scheduler;

import dev.sfumato.SfumatoException;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/** The timesteps that a run visits, falling. */
final class Timesteps {
  private Timesteps() {}

  /** Returns {@code steps} timesteps, spaced as the configuration says. */
  static List<Integer> spaced(SchedulerConfig config, int steps) {
    requireCount(config, steps);
    return checked(
        config,
        steps,
        config
            .timestepSpacing()
            .ascending(config.numTrainTimesteps(), steps, config.stepsOffset()));
  }

  /** Returns the same, without rounding {@link TimestepSpacing#LINSPACE} to whole timesteps. */
  static double[] fractional(SchedulerConfig config, int steps) {
    if (config.timestepSpacing() != TimestepSpacing.LINSPACE) {
      return doubles(spaced(config, steps));
    }
    requireCount(config, steps);
    double gap = steps == 1 ? 0 : (config.numTrainTimesteps() - 1) / (double) (steps - 1);
    return IntStream.range(0, steps).mapToDouble(i -> (steps - 1 - i) * gap).toArray();
  }

  /** Returns the timesteps of {@code options}, if any, or else the same as {@link #fractional}. */
  static double[] fractionalOrOwn(SchedulerConfig config, int steps, RunOptions options) {
    return options.timesteps().isEmpty()
        ? fractional(config, steps)
        : doubles(own(config, steps, options.timesteps()));
  }

  /**
   * Returns up to {@code steps} timesteps from {@code last} on, above the start of the clean
   * picture.
   */
  static List<Integer> aboveFirst(
      SchedulerConfig config, TimestepSpacing spacing, int last, int steps) {
    requireCount(config, steps);
    int train = config.numTrainTimesteps();
    return checked(
        config, steps, spacing.ascendingFromSecond(train, last, steps, config.stepsOffset()));
  }

  /** Checks and returns custom timesteps. */
  static List<Integer> own(SchedulerConfig config, int steps, List<Integer> timesteps) {
    if (timesteps.size() != steps) {
      throw new SfumatoException(
          timesteps.size() + " timesteps are given for " + steps + " steps: give as many");
    }
    if (config.solver().sigmaSpacing() != SigmaSpacing.TRAINED) {
      throw new SfumatoException(
          "custom timesteps do not work with "
              + config.solver().sigmaSpacing().flag()
              + ": give steps, or set it to false");
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

  /**
   * Refuses custom timesteps for schedulers that space their own.
   *
   * @throws SfumatoException if {@code options} name timesteps
   */
  static void requireNotOwn(SchedulerKind kind, RunOptions options) {
    if (!options.timesteps().isEmpty()) {
      throw new SfumatoException(
          kind + " takes no custom timesteps: use ddpm, or give a number of steps");
    }
  }

  /**
   * Checks the part of the noise levels that a start from a picture goes through.
   *
   * @throws SfumatoException if {@code strength} is not above 0 and at most 1
   */
  static void requireStrength(double strength) {
    if (!(strength > 0 && strength <= 1)) {
      throw new SfumatoException("strength must be above 0 and at most 1, not " + strength);
    }
  }

  static double[] doubles(List<Integer> timesteps) {
    return timesteps.stream().mapToDouble(Integer::doubleValue).toArray();
  }

  private static void requireCount(SchedulerConfig config, int steps) {
    int train = config.numTrainTimesteps();
    if (steps < 1 || steps > train) {
      throw new SfumatoException(
          "steps must lie between 1 and num_train_timesteps, which is " + train + ", not " + steps);
    }
  }

  private static List<Integer> checked(SchedulerConfig config, int steps, IntStream ascending) {
    int train = config.numTrainTimesteps();
    List<Integer> timesteps = ascending.boxed().sorted(Comparator.reverseOrder()).toList();
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
    if (timesteps.stream().distinct().count() < timesteps.size()) {
      throw new SfumatoException(
          steps + " steps of " + train + " timesteps visit one of them twice: take fewer steps");
    }
    return timesteps;
  }
}
