package dev.sfumato.scheduler;

import dev.sfumato.tensor.Rng;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;

/** The linear multistep method of order 4 (Adams-Bashforth with uneven steps; k-diffusion). */
record LmsScheduler(SchedulerConfig config, NoiseSchedule noiseSchedule) implements Scheduler {
  private static final int ORDER = 4;

  LmsScheduler(SchedulerConfig config) {
    this(config, NoiseSchedule.of(config));
  }

  @Override
  public Run begin(int steps, RunOptions options, Rng noise) {
    Timesteps.requireNotOwn(SchedulerKind.LMS, options);
    SigmaGrid grid =
        SigmaGrid.fromEndToEnd(
            config, new TrainedSigmas(noiseSchedule), Timesteps.fractional(config, steps), 0);
    return new LmsRun(config, grid.rounded(), noise);
  }

  private static final class LmsRun extends SigmaRun {
    private final Memory derivatives = new Memory(ORDER);

    LmsRun(SchedulerConfig config, SigmaGrid grid, Rng rng) {
      super(config, grid, rng);
    }

    /**
     * The derivatives d_i of the last steps are interpolated and integrated:
     *
     * <pre>
     * (1) l_j(s) = product over k != j of (s - sigma_{i-k}) / (sigma_{i-j} - sigma_{i-k})
     * (2) x' = x + sum over j of d_{i-j} (integral of l_j from sigma_i to sigma_{i+1})
     * </pre>
     */
    @Override
    public Tensor step(Tensor modelOutput, Tensor x, Step step) {
      try (Scope scope = Scope.open()) {
        int i = step.index();
        Tensor x0 = x0(prediction(modelOutput, x), x, step);
        derivatives.put(i, derivative(x, x0, sigma(step)));
        // In a run that begins in the middle diffusers takes the weights of the full order for the
        // few derivatives that there are.
        int order = Math.min(ORDER, i + 1);
        Tensor next = x;
        for (int j = 0; j < derivatives.size(); j++) {
          next = next.add(derivatives.at(i - j).mul(weight(i, j, order)));
        }
        return scope.keep(next);
      }
    }

    /** The integral of (2) by Gauss's rule with two points, which is exact for cubics. */
    private double weight(int i, int j, int order) {
      double half = (sigmas[i + 1] - sigmas[i]) / 2.0;
      double middle = (sigmas[i + 1] + sigmas[i]) / 2.0;
      double point = half / Math.sqrt(3);
      return half * (lagrange(middle - point, i, j, order) + lagrange(middle + point, i, j, order));
    }

    private double lagrange(double s, int i, int j, int order) {
      double product = 1;
      for (int k = 0; k < order; k++) {
        if (k != j) {
          product *= (s - sigmas[i - k]) / (sigmas[i - j] - sigmas[i - k]);
        }
      }
      return product;
    }
  }
}
