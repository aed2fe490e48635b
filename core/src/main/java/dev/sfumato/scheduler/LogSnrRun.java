package dev.sfumato.scheduler;

import dev.sfumato.tensor.Rng;
import dev.sfumato.tensor.Tensor;

/**
 * What exponential integrators share. They solve the ODE of x_t = alpha_t x_0 + sigma_t eps over
 * lambda = log(alpha_t / sigma_t), where its linear part has an exact solution (Lu et al. 2022,
 * DPM-Solver).
 */
abstract class LogSnrRun extends SolverRun {
  private final NoiseLevel[] levels;

  LogSnrRun(SchedulerConfig config, SigmaGrid grid, Rng rng) {
    super(config, grid.timesteps(), rng);
    levels = new NoiseLevel[grid.sigmas().length];
    for (int i = 0; i < levels.length; i++) {
      levels[i] = NoiseLevel.ofSigma(grid.sigmas()[i]);
    }
  }

  /** The level before step {@code index}; one more than there are steps for the end. */
  final NoiseLevel level(int index) {
    return levels[index];
  }

  @Override
  final NoiseLevel level(Step step) {
    return level(step.index());
  }

  /** lambda between the levels {@code from} and {@code to}, which may be the end: infinity. */
  final float lambdaBetween(int from, int to) {
    return level(to).lambda() - level(from).lambda();
  }

  /** The noise, that of the thresholded x_0 if there is thresholding, in the current scope. */
  final Tensor limitedEpsilon(Tensor prediction, Tensor x, Step step) {
    return limit.isNone()
        ? epsilon(prediction, x, step)
        : epsilonOfX0(x0(prediction, x, step), x, step);
  }
}
