package dev.sfumato.scheduler;

import dev.sfumato.tensor.Rng;
import java.util.List;

/** The base of runs over whole training timesteps. */
abstract class DiscreteRun extends SolverRun {
  private final NoiseSchedule schedule;
  private final List<Integer> timesteps;

  DiscreteRun(Scheduler scheduler, List<Integer> timesteps, Rng rng) {
    super(scheduler.config(), timesteps.stream().mapToDouble(Integer::doubleValue).toArray(), rng);
    this.schedule = scheduler.noiseSchedule();
    this.timesteps = timesteps;
  }

  @Override
  public final double alphaCumprod(Step step) {
    return alphaCumprod(timestep(step));
  }

  @Override
  final NoiseLevel level(Step step) {
    return NoiseLevel.ofAlphaCumprod(alphaCumprod(timestep(step)));
  }

  final int timestep(Step step) {
    return (int) step.timestep();
  }

  final int timestep(int index) {
    return timesteps.get(index);
  }

  /** Returns the next timestep, which is smaller; -1 after the last. */
  final int next(Step step) {
    return step.index() + 1 < timesteps.size() ? timesteps.get(step.index() + 1) : -1;
  }

  final float alphaCumprod(int timestep) {
    return schedule.alphaCumprod(timestep);
  }
}
