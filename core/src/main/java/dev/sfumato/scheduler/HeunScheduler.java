package dev.sfumato.scheduler;

import dev.sfumato.tensor.Rng;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;

/**
 * Heun's second-order method (Karras et al. 2022, algorithm 1). A run of n steps evaluates the
 * model 2n - 1 times, and each evaluation is a {@link Step}.
 */
record HeunScheduler(SchedulerConfig config, NoiseSchedule noiseSchedule) implements Scheduler {
  HeunScheduler(SchedulerConfig config) {
    this(config, NoiseSchedule.of(config));
  }

  @Override
  public int evaluationsPerStep() {
    return 2;
  }

  @Override
  public Run begin(int steps, RunOptions options, Rng noise) {
    double[] timesteps = Timesteps.fractionalOrOwn(config, steps, options);
    SigmaGrid grid = SigmaGrid.fromEndToEnd(config, new TrainedSigmas(noiseSchedule), timesteps, 0);
    return new HeunRun(config, grid.rounded().doubled(), noise);
  }

  private static final class HeunRun extends SigmaRun {
    private final Memory starts = new Memory(1);
    private final Memory derivatives = new Memory(1);

    HeunRun(SchedulerConfig config, SigmaGrid grid, Rng rng) {
      super(config, grid, rng);
    }

    @Override
    public boolean keepsChanges(Step step) {
      return step.index() % 2 == 0;
    }

    /**
     *
     *
     * <pre>
     * (1) d = (x - x_0) / sigma
     * (2) x' = x + (sigma' - sigma) d
     * (3) d' = (x' - x_0') / sigma'
     * (4) x' = x + (sigma' - sigma) (d + d') / 2
     * </pre>
     *
     * Even steps use (1) and (2), odd ones (3) and (4); the last, to sigma' = 0, has no (3).
     */
    @Override
    public Tensor step(Tensor modelOutput, Tensor x, Step step) {
      try (Scope scope = Scope.open()) {
        int i = step.index();
        Tensor derivative = derivative(x, x0(prediction(modelOutput, x), x, step), sigma(step));
        if (i % 2 == 0) {
          starts.put(i, x);
          derivatives.put(i, derivative);
          return scope.keep(x.add(derivative.mul(next(step) - sigma(step))));
        }
        Tensor mean = derivatives.at(i - 1).add(derivative).div(2);
        return scope.keep(starts.at(i - 1).add(mean.mul(sigma(step) - sigmas[i - 1])));
      }
    }
  }
}
