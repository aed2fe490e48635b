package dev.sfumato.scheduler;

import dev.sfumato.SfumatoException;
import dev.sfumato.tensor.Rng;

/** An update rule for sampling. Immutable, for any number of threads. */
public interface Scheduler {
  /** The settings it was made from. */
  SchedulerConfig config();

  /** How much noise each timestep holds. */
  NoiseSchedule noiseSchedule();

  /**
   * Begins a sampling. What the run remembers belongs to the current scope.
   *
   * @param steps how many steps to take, at most T; for rules whose last step begins above the
   *     first timestep, at most T - 1
   * @param noise where the rule's own noise is drawn from
   * @throws dev.sfumato.SfumatoException if the configuration has no such number of steps, or the
   *     options name timesteps that do not fit
   */
  Run begin(int steps, RunOptions options, Rng noise);

  /**
   * Begins a sampling in the middle, as img2img does: of {@code steps} steps only the last {@code
   * floor(steps strength)} are taken, from what {@link Run#addNoise} makes of a picture at the
   * first of them. Indices and counts of the steps are those of the whole sampling.
   *
   * @param strength the part of the noise levels to go through, above 0 and at most 1
   * @throws dev.sfumato.SfumatoException if that leaves no step; otherwise as above
   */
  default Run begin(int steps, double strength, RunOptions options, Rng noise) {
    if (!(strength > 0 && strength <= 1)) {
      throw new SfumatoException("strength must be above 0 and at most 1, not " + strength);
    }
    int left = (int) (steps * strength);
    if (left < 1) {
      throw new SfumatoException(
          "a strength of " + strength + " leaves none of " + steps + " steps: raise one of them");
    }
    Run whole = begin(steps, options, noise);
    return left == steps
        ? whole
        : ((SolverRun) whole).beginAt((steps - left) * evaluationsPerStep());
  }

  /** How often the model is evaluated for a step of the rule: the order, in diffusers' words. */
  default int evaluationsPerStep() {
    return 1;
  }

  /**
   * The scheduler of the class that {@code config} names.
   *
   * @throws dev.sfumato.SfumatoException if there is none of that class
   */
  static Scheduler of(SchedulerConfig config) {
    return SchedulerKind.ofClass(config.className()).create(config);
  }
}
