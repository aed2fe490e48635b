package dev.sfumato.scheduler;

import dev.sfumato.tensor.Rng;
import dev.sfumato.tensor.Tensor;

/**
 * The base of exponential integrators, which solve the ODE of x_t = alpha_t x_0 + sigma_t eps over
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

  /** Returns the level before step {@code index}; the number of steps as an index gives the end. */
  final NoiseLevel level(int index) {
    return levels[index];
  }

  @Override
  final NoiseLevel level(Step step) {
    return level(step.index());
  }

  /**
   * Returns the lambda between the levels {@code from} and {@code to}; infinity if {@code to} is
   * the end.
   */
  final float lambdaBetween(int from, int to) {
    return level(to).lambda() - level(from).lambda();
  }

  /** Returns the noise, from the thresholded x_0 if there is thresholding, in the current scope. */
  final Tensor limitedEpsilon(Tensor prediction, Tensor x, Step step) {
    return limit.isNone()
        ? epsilon(prediction, x, step)
        : epsilonOfX0(x0(prediction, x, step), x, step);
  }
}
