package dev.sfumato.scheduler;

import dev.sfumato.tensor.Rng;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.util.List;

/**
 * Latent consistency models (Luo et al. 2023, 2310.04378): models distilled to jump from any
 * timestep to a clean picture, which gets noise again and starts the next jump.
 */
record LcmScheduler(SchedulerConfig config, NoiseSchedule noiseSchedule) implements Scheduler {
  LcmScheduler(SchedulerConfig config) {
    this(config, NoiseSchedule.of(config));
  }

  @Override
  public Run begin(int steps, RunOptions options, Rng noise) {
    return new LcmRun(this, Distilled.timestepsOrOwn(config, steps, options), noise);
  }

  @Override
  public Run begin(int steps, double strength, RunOptions options, Rng noise) {
    return options.keepsSteps() && options.timesteps().isEmpty()
        ? new LcmRun(this, Distilled.timesteps(config, steps, strength), noise)
        : Scheduler.super.begin(steps, strength, options, noise);
  }

  private static final class LcmRun extends DiscreteRun {
    /** Standard deviation of the data (EDM); the boundary condition of consistency needs it. */
    private static final float SIGMA_DATA = 0.5f;

    private final float timestepScaling;

    LcmRun(LcmScheduler scheduler, List<Integer> timesteps, Rng rng) {
      super(scheduler, timesteps, rng);
      timestepScaling = (float) scheduler.config.solver().timestepScaling();
    }

    /**
     * Takes a step with s = timestep_scaling t:
     *
     * <pre>
     * (1) c_skip = sigma_data^2 / (s^2 + sigma_data^2),  c_out = s / sqrt(s^2 + sigma_data^2)
     * (2) f = c_skip x + c_out x_0
     * (3) x' = sqrt(alphaCumprod') f + sqrt(1 - alphaCumprod') z, and f at the last step
     * </pre>
     */
    @Override
    public Tensor step(Tensor modelOutput, Tensor x, Step step) {
      try (Scope scope = Scope.open()) {
        float s = timestep(step) * timestepScaling;
        float sum = s * s + SIGMA_DATA * SIGMA_DATA;
        Tensor x0 = x0(prediction(modelOutput, x), x, step);
        Tensor f = x0.mul(s / Floats.sqrt(sum)).add(x.mul(SIGMA_DATA * SIGMA_DATA / sum));
        if (step.index() == step.count() - 1) {
          return scope.keep(f);
        }
        NoiseLevel next = NoiseLevel.ofAlphaCumprod(alphaCumprod(next(step)));
        return scope.keep(f.mul(next.signal()).add(noise(x).mul(next.sigma())));
      }
    }
  }
}
