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
     * Takes a step to the levels of {@link Ancestral}: {@code x' = x + (down - sigma) eps + up z}.
     */
    @Override
    public Tensor step(Tensor modelOutput, Tensor x, Step step) {
      try (Scope scope = Scope.open()) {
        float sigma = sigma(step);
        Ancestral levels = Ancestral.of(sigma, next(step));
        Tensor x0 = x0(prediction(modelOutput, x), x, step);
        Tensor mean = x.add(derivative(x, x0, sigma).mul(levels.down() - sigma));
        return scope.keep(mean.add(noise(x).mul(levels.up())));
      }
    }
  }
}
