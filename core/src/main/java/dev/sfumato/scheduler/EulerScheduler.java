package dev.sfumato.scheduler;

import dev.sfumato.tensor.Rng;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.util.Arrays;

/** Euler's method with optional churn (Karras et al. 2022, algorithm 2 without correction). */
record EulerScheduler(SchedulerConfig config, NoiseSchedule noiseSchedule) implements Scheduler {
  EulerScheduler(SchedulerConfig config) {
    this(config, NoiseSchedule.of(config));
  }

  @Override
  public Run begin(int steps, RunOptions options, Rng noise) {
    TrainedSigmas trained = new TrainedSigmas(noiseSchedule);
    SolverSettings settings = config.solver();
    SigmaGrid grid =
        SigmaGrid.fromEndToEnd(
                config,
                trained,
                Timesteps.fractionalOrOwn(config, steps, options),
                settings.endsAtZero() ? 0 : trained.min())
            .rounded();
    boolean tellsSigma =
        settings.continuous() && config.predictionType() == PredictionType.V_PREDICTION;
    return new EulerRun(config, tellsSigma ? telling(grid) : grid, options.churn(), noise);
  }

  /** Passes log(sigma) / 4 to the model (Karras et al. 2022, table 1). */
  private static SigmaGrid telling(SigmaGrid grid) {
    double[] told = new double[grid.timesteps().length];
    Arrays.setAll(told, i -> 0.25f * Floats.log(grid.sigmas()[i]));
    return new SigmaGrid(grid.sigmas(), told);
  }

  private static final class EulerRun extends SigmaRun {
    private final Churn churn;

    EulerRun(SchedulerConfig config, SigmaGrid grid, Churn churn, Rng rng) {
      super(config, grid, rng);
      this.churn = churn;
    }

    /**
     * Takes a step of algorithm 2, with D the predicted x_0. As in diffusers, a velocity is read at
     * sigma, although noise has been added.
     *
     * <pre>
     * (1) sigma_hat = sigma + gamma sigma
     * (2) x_hat = x + sqrt(sigma_hat^2 - sigma^2) S_noise z
     * (3) x' = x_hat + (sigma' - sigma_hat) (x_hat - D) / sigma_hat
     * </pre>
     */
    @Override
    public Tensor step(Tensor modelOutput, Tensor x, Step step) {
      try (Scope scope = Scope.open()) {
        float sigma = sigma(step);
        float gamma = (float) churn.gamma(sigma, sigmas.length - 1);
        float sigmaHat = sigma * (gamma + 1);
        Tensor prediction = prediction(modelOutput, x);
        Tensor xHat =
            gamma > 0
                ? x.add(
                    noise(x)
                        .mul(churn.noise())
                        .mul(Floats.sqrt(sigmaHat * sigmaHat - sigma * sigma)))
                : x;
        boolean velocity = predictionType == PredictionType.V_PREDICTION;
        Tensor x0 = x0(prediction, xHat, velocity ? sigma : sigmaHat);
        return scope.keep(xHat.add(derivative(xHat, x0, sigmaHat).mul(next(step) - sigmaHat)));
      }
    }
  }
}
