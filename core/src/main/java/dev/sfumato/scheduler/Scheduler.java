package dev.sfumato.scheduler;

import dev.sfumato.SfumatoException;
import dev.sfumato.tensor.Rng;

/** An update rule for sampling. Immutable and thread-safe. */
public interface Scheduler {
  /** Returns the settings from which it was made. */
  SchedulerConfig config();

  /** Returns the noise at each timestep. */
  NoiseSchedule noiseSchedule();

  /**
   * Begins a sampling. The run's memory belongs to the current scope.
   *
   * @param steps the number of steps, at most T; for rules whose last step begins above the first
   *     timestep, at most T - 1
   * @param noise the generator of the rule's own noise
   * @throws dev.sfumato.SfumatoException if the number of steps does not fit the configuration, or
   *     the timesteps of the options do not fit
   */
  Run begin(int steps, RunOptions options, Rng noise);

  /**
   * Begins a sampling in the middle, as img2img does: it takes only the last {@code floor(steps
   * strength)} of {@code steps} steps, and starts from the result of {@link Run#addNoise} at the
   * first of them. Indices and counts of the steps are those of the whole sampling. LCM can take
   * all steps instead, see {@link RunOptions#keepsSteps}.
   *
   * @param strength the part of the noise levels to go through, above 0 and at most 1
   * @throws dev.sfumato.SfumatoException if that leaves no step; otherwise as above
   */
  default Run begin(int steps, double strength, RunOptions options, Rng noise) {
    Timesteps.requireStrength(strength);
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

  /**
   * Leaves out the steps outside of a part of the noise levels, as a base model and its refiner
   * share them.
   *
   * @param run of this scheduler, before its first step
   * @param from the part that is done already, 0 to 1
   * @param until the part that is done at the end, 0 to 1
   * @return {@code run}
   * @throws dev.sfumato.SfumatoException if that leaves no step
   */
  default Run between(Run run, double from, double until) {
    return ((SolverRun) run).between(from, until, evaluationsPerStep());
  }

  /**
   * Returns the number of model evaluations per step of the rule, which diffusers calls the order.
   */
  default int evaluationsPerStep() {
    return 1;
  }

  /**
   * Makes the scheduler of the class that {@code config} names.
   *
   * @throws dev.sfumato.SfumatoException if that class is not supported
   */
  static Scheduler of(SchedulerConfig config) {
    return SchedulerKind.ofClass(config.className()).create(config);
  }
}
