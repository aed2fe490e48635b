package dev.sfumato.scheduler;

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
   * The scheduler of the class that {@code config} names.
   *
   * @throws dev.sfumato.SfumatoException if there is none of that class
   */
  static Scheduler of(SchedulerConfig config) {
    return SchedulerKind.ofClass(config.className()).create(config);
  }
}
