package dev.sfumato.scheduler;

import dev.sfumato.tensor.Rng;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.util.List;

/** Denoising diffusion probabilistic models (Ho et al. 2020, algorithm 2), with any stride. */
record DdpmScheduler(SchedulerConfig config, NoiseSchedule noiseSchedule) implements Scheduler {
  DdpmScheduler(SchedulerConfig config) {
    this(config, NoiseSchedule.of(config));
  }

  @Override
  public Run begin(int steps, RunOptions options, Rng noise) {
    return new DdpmRun(
        this,
        options.timesteps().isEmpty()
            ? Timesteps.spaced(config, steps)
            : Timesteps.own(config, steps, options.timesteps()),
        noise);
  }

  private static final class DdpmRun extends DiscreteRun {
    private final VarianceType varianceType;

    DdpmRun(DdpmScheduler scheduler, List<Integer> timesteps, Rng rng) {
      super(scheduler, timesteps, rng);
      varianceType = scheduler.config.varianceType();
    }

    /**
     * Draws x_{t-1} ~ N(mu~_t(x_t, x_0), sigma_t^2 I), with "t - 1" the run's next timestep. The
     * paper's alpha_t and beta_t are those of the whole stride.
     */
    @Override
    public Tensor step(Tensor modelOutput, Tensor x, Step step) {
      try (Scope scope = Scope.open()) {
        int t = timestep(step);
        int next = next(step);
        float alphaCumprod = alphaCumprod(t);
        float alphaCumprodNext = next < 0 ? 1 : alphaCumprod(next);
        float alpha = alphaCumprod / alphaCumprodNext;
        float beta = 1 - alpha;
        float left = 1 - alphaCumprod;
        float leftNext = 1 - alphaCumprodNext;

        // eq. 7: mu~_t = sqrt(a_{t-1}) beta_t / (1 - a_t) x_0
        //              + sqrt(alpha_t) (1 - a_{t-1}) / (1 - a_t) x_t, with a = alphaCumprod
        Tensor x0 = x0(prediction(modelOutput, x), x, step);
        Tensor mean =
            x0.mul(Floats.sqrt(alphaCumprodNext) * beta / left)
                .add(x.mul(Floats.sqrt(alpha) * leftNext / left));
        if (t == 0) {
          return scope.keep(mean);
        }
        float betaTilde = leftNext / left * beta; // eq. 7, second half
        Tensor learned = varianceType.isLearned() ? variance(modelOutput, x) : null;
        return scope.keep(mean.add(varianceType.scale(noise(x), betaTilde, beta, learned)));
      }
    }
  }
}
