package dev.sfumato.scheduler;

import dev.sfumato.tensor.Rng;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.util.List;

/**
 * Trajectory consistency distillation (Zheng et al. 2024, 2402.19159): models distilled to jump
 * from any timestep to any earlier one, from which fresh noise leads up to the next timestep. eta,
 * the paper's gamma, says how much of the way is noise.
 */
record TcdScheduler(SchedulerConfig config, NoiseSchedule noiseSchedule) implements Scheduler {
  TcdScheduler(SchedulerConfig config) {
    this(config, NoiseSchedule.of(config));
  }

  @Override
  public Run begin(int steps, RunOptions options, Rng noise) {
    List<Integer> timesteps = Distilled.timestepsOrOwn(config, steps, options);
    return new TcdRun(this, timesteps, options.eta(), noise);
  }

  private static final class TcdRun extends DiscreteRun {
    private final double eta;

    TcdRun(TcdScheduler scheduler, List<Integer> timesteps, double eta, Rng rng) {
      super(scheduler, timesteps, rng);
      this.eta = eta;
    }

    /**
     * Jumps to the timestep s, the whole part of (1 - eta) t', and goes up to t' by fresh noise;
     * the last step goes to 0 and has no (2). x_0 is not limited.
     *
     * <pre>
     * (1) x_s = sqrt(a_s) x_0 + sqrt(1 - a_s) eps
     * (2) x' = sqrt(a_t' / a_s) x_s + sqrt(1 - a_t' / a_s) z
     * </pre>
     */
    @Override
    public Tensor step(Tensor modelOutput, Tensor x, Step step) {
      try (Scope scope = Scope.open()) {
        int next = Math.max(next(step), 0);
        float alphaCumprod = alphaCumprod((int) ((float) (1 - eta) * next));
        NoiseLevel jump = NoiseLevel.ofAlphaCumprod(alphaCumprod);
        Tensor prediction = prediction(modelOutput, x);
        Tensor x0 = level(step).x0(predictionType, prediction, x);
        Tensor epsilon = epsilon(prediction, x, step);
        Tensor jumped = x0.mul(jump.signal()).add(epsilon.mul(jump.sigma()));
        if (eta == 0 || step.index() == step.count() - 1) {
          return scope.keep(jumped);
        }
        float kept = alphaCumprod(next) / alphaCumprod;
        return scope.keep(jumped.mul(Floats.sqrt(kept)).add(noise(x).mul(Floats.sqrt(1 - kept))));
      }
    }
  }
}
