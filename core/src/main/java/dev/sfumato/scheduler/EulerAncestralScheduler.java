package dev.sfumato.scheduler;

import dev.sfumato.tensor.Rng;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;

/** Euler's method to a level below the next one, then fresh noise up to the next (k-diffusion). */
record EulerAncestralScheduler(SchedulerConfig config, NoiseSchedule noiseSchedule)
    implements Scheduler {
  EulerAncestralScheduler(SchedulerConfig config) {
    this(config.requireNoSamplePrediction(), NoiseSchedule.of(config));
  }

  @Override
  public Run begin(int steps, RunOptions options, Rng noise) {
    Timesteps.requireNotOwn(SchedulerKind.EULER_ANCESTRAL, options);
    SigmaGrid grid =
        SigmaGrid.fromEndToEnd(
            config, new TrainedSigmas(noiseSchedule), Timesteps.fractional(config, steps), 0);
    return new AncestralRun(config, grid.rounded(), noise);
  }

  private static final class AncestralRun extends SigmaRun {
    AncestralRun(SchedulerConfig config, SigmaGrid grid, Rng rng) {
      super(config, grid, rng);
    }

    /**
     * Takes a step with the standard deviation sigma_up of DDPM's posterior:
     *
     * <pre>
     * (1) sigma_up^2 = sigma'^2 (sigma^2 - sigma'^2) / sigma^2
     * (2) sigma_down^2 = sigma'^2 - sigma_up^2
     * (3) x' = x + (sigma_down - sigma) (x - x_0) / sigma + sigma_up z
     * </pre>
     */
    @Override
    public Tensor step(Tensor modelOutput, Tensor x, Step step) {
      try (Scope scope = Scope.open()) {
        float sigma = sigma(step);
        float variance = sigma * sigma;
        float nextVariance = next(step) * next(step);
        float up = Floats.sqrt(nextVariance * (variance - nextVariance) / variance);
        float down = Floats.sqrt(nextVariance - up * up);

        Tensor x0 = x0(prediction(modelOutput, x), x, step);
        Tensor mean = x.add(derivative(x, x0, sigma).mul(down - sigma));
        return scope.keep(mean.add(noise(x).mul(up)));
      }
    }
  }
}
