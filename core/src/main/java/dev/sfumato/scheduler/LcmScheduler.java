package dev.sfumato.scheduler;

import dev.sfumato.SfumatoException;
import dev.sfumato.tensor.Rng;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;

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
    List<Integer> timesteps =
        options.timesteps().isEmpty()
            ? distilled(steps, 1)
            : Timesteps.own(config, steps, options.timesteps());
    return new LcmRun(this, timesteps, noise);
  }

  @Override
  public Run begin(int steps, double strength, RunOptions options, Rng noise) {
    return options.keepsSteps() && options.timesteps().isEmpty()
        ? new LcmRun(this, distilled(steps, strength), noise)
        : Scheduler.super.begin(steps, strength, options, noise);
  }

  /**
   * Returns {@code steps} evenly spaced ones of the timesteps on which the model was distilled,
   * from the last on that {@code strength} leaves.
   */
  private List<Integer> distilled(int steps, double strength) {
    Timesteps.requireStrength(strength);
    int train = config.numTrainTimesteps();
    int original = config.solver().originalInferenceSteps();
    if (original > train) {
      throw new SfumatoException(
          "original_inference_steps " + original + " must be at most num_train_timesteps " + train);
    }
    if (steps < 1 || steps > original) {
      throw new SfumatoException(
          "steps must lie between 1 and original_inference_steps, which is "
              + original
              + ", not "
              + steps);
    }
    int left = (int) (original * strength);
    if (steps > left) {
      throw new SfumatoException(
          String.format(
              Locale.ROOT,
              "a strength of %s leaves %d of %d original_inference_steps, which is less than %d"
                  + " steps: raise it or take fewer",
              strength,
              left,
              original,
              steps));
    }
    int stride = train / original;
    double gap = left / (double) steps;
    return IntStream.range(0, steps)
        .map(i -> (left - (int) Math.floor(i * gap)) * stride - 1)
        .boxed()
        .toList();
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
