package dev.sfumato.scheduler;

import dev.sfumato.tensor.Rng;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;

/**
 * The midpoint method over log(sigma) (Karras et al. 2022, algorithm 2, without churn), which web
 * interfaces call DPM2. The ancestral form goes to a level below the next one, then up to it by
 * fresh noise. A run of n steps evaluates the model 2n - 1 times; each is a {@link Step}.
 *
 * @param ancestral whether fresh noise is added
 */
record Kdpm2Scheduler(SchedulerConfig config, NoiseSchedule noiseSchedule, boolean ancestral)
    implements Scheduler {
  static Kdpm2Scheduler deterministic(SchedulerConfig config) {
    return of(config, false);
  }

  static Kdpm2Scheduler ancestral(SchedulerConfig config) {
    return of(config, true);
  }

  private static Kdpm2Scheduler of(SchedulerConfig config, boolean ancestral) {
    return new Kdpm2Scheduler(
        config.requireNoSamplePrediction(), NoiseSchedule.of(config), ancestral);
  }

  @Override
  public int evaluationsPerStep() {
    return 2;
  }

  @Override
  public Run begin(int steps, RunOptions options, Rng noise) {
    Timesteps.requireNotOwn(
        ancestral ? SchedulerKind.KDPM2_ANCESTRAL : SchedulerKind.KDPM2, options);
    TrainedSigmas trained = new TrainedSigmas(noiseSchedule);
    SigmaGrid grid =
        SigmaGrid.fromEndToEnd(config, trained, Timesteps.fractional(config, steps), 0);
    boolean whole = config.solver().sigmaSpacing() == SigmaSpacing.KARRAS;
    SigmaGrid told = whole ? grid.whole() : grid;
    SigmaGrid halves = told.withMiddles(trained, (sigma, to) -> levels(sigma, to).down());
    return new Kdpm2Run(this, halves, noise);
  }

  /** Returns the levels of a step; without fresh noise it goes straight to the next one. */
  private Ancestral levels(float sigma, float next) {
    return ancestral ? Ancestral.of(sigma, next) : new Ancestral(next, 0);
  }

  private static final class Kdpm2Run extends SigmaRun {
    private final Memory starts = new Memory(1);
    private final Kdpm2Scheduler scheduler;

    Kdpm2Run(Kdpm2Scheduler scheduler, SigmaGrid grid, Rng rng) {
      super(scheduler.config, grid, rng);
      this.scheduler = scheduler;
    }

    @Override
    public boolean keepsChanges(Step step) {
      return step.index() % 2 == 0;
    }

    /**
     * Takes a half step to sigma_m, then the whole step with the derivative found there:
     *
     * <pre>
     * (1) x_m = x + (sigma_m - sigma) (x - x_0) / sigma
     * (2) x' = x + (sigma_down - sigma) (x_m - x_0m) / sigma_m + sigma_up z
     * </pre>
     *
     * Even steps are (1), odd ones (2); the last, to noise zero, has no (2). Without noise
     * sigma_down is sigma'.
     */
    @Override
    public Tensor step(Tensor modelOutput, Tensor x, Step step) {
      try (Scope scope = Scope.open()) {
        int i = step.index();
        Tensor derivative = derivative(x, x0(prediction(modelOutput, x), x, step), sigma(step));
        if (i % 2 == 0) {
          starts.put(i, x);
          return scope.keep(x.add(derivative.mul(next(step) - sigma(step))));
        }
        float from = sigmas[i - 1];
        Ancestral levels = scheduler.levels(from, next(step));
        Tensor mean = starts.at(i - 1).add(derivative.mul(levels.down() - from));
        return scope.keep(scheduler.ancestral ? mean.add(noise(x).mul(levels.up())) : mean);
      }
    }

    /** {@inheritDoc} Between the halves of a step, it is the noise of the step's end. */
    @Override
    public Tensor addNoise(Tensor x0, Tensor noise, Step step) {
      boolean between = step.index() % 2 == 1;
      return Scope.run(() -> x0.add(noise.mul(between ? next(step) : sigma(step))));
    }
  }
}
