package dev.sfumato.scheduler;

import dev.sfumato.tensor.Rng;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;

/** Denoising diffusion implicit models (Song et al. 2020). */
record DdimScheduler(SchedulerConfig config, NoiseSchedule noiseSchedule) implements Scheduler {
  DdimScheduler(SchedulerConfig config) {
    this(config, NoiseSchedule.of(config));
  }

  @Override
  public Run begin(int steps, RunOptions options, Rng noise) {
    Timesteps.requireNotOwn(SchedulerKind.DDIM, options);
    return new DdimRun(this, steps, options, noise);
  }

  private static final class DdimRun extends DiscreteRun {
    private final int stride;
    private final float lastAlphaCumprod;
    private final RunOptions options;

    DdimRun(DdimScheduler scheduler, int steps, RunOptions options, Rng rng) {
      super(scheduler, Timesteps.spaced(scheduler.config, steps), rng);
      this.stride = scheduler.config.numTrainTimesteps() / steps;
      this.lastAlphaCumprod = scheduler.config.setAlphaToOne() ? 1 : alphaCumprod(0);
      this.options = options;
    }

    /**
     * Takes a step by equation 12, with x_{t-1} the sample {@code stride} timesteps further on,
     * even if the spacing visits another one next:
     *
     * <pre>x_{t-1} = sqrt(a_{t-1}) x_0 + sqrt(1 - a_{t-1} - sigma_t^2) eps + sigma_t z</pre>
     */
    @Override
    public Tensor step(Tensor modelOutput, Tensor x, Step step) {
      try (Scope scope = Scope.open()) {
        int t = timestep(step);
        float alphaCumprod = alphaCumprod(t);
        float alphaCumprodNext = t < stride ? lastAlphaCumprod : alphaCumprod(t - stride);

        Tensor prediction = prediction(modelOutput, x);
        Tensor x0 = x0(prediction, x, step);
        Tensor epsilon =
            options.useClippedModelOutput()
                ? epsilonOfX0(x0, x, step)
                : epsilon(prediction, x, step);

        float sigma = sigma(alphaCumprod, alphaCumprodNext);
        // With zero terminal SNR and eta 1 rounding takes this below 0.
        float direction = Math.max(1 - alphaCumprodNext - sigma * sigma, 0);
        Tensor mean =
            x0.mul(Floats.sqrt(alphaCumprodNext)).add(epsilon.mul(Floats.sqrt(direction)));
        return scope.keep(options.eta() > 0 ? mean.add(noise(x).mul(sigma)) : mean);
      }
    }

    /** eq. 16: eta sqrt((1 - a_{t-1}) / (1 - a_t)) sqrt(1 - a_t / a_{t-1}). */
    private float sigma(float alphaCumprod, float alphaCumprodNext) {
      float variance =
          (1 - alphaCumprodNext) / (1 - alphaCumprod) * (1 - alphaCumprod / alphaCumprodNext);
      return (float) options.eta() * Floats.sqrt(variance);
    }
  }
}
