package dev.sfumato.scheduler;

import java.util.Arrays;
import java.util.List;
import java.util.function.DoubleUnaryOperator;

/**
 * The noise levels of a run.
 *
 * @param sigmas sigma = sqrt((1 - alphaCumprod) / alphaCumprod) at each step and after the last
 *     one; falling
 * @param timesteps the timestep that the model gets at each step
 */
record SigmaGrid(float[] sigmas, double[] timesteps) {

  /**
   * Makes a grid for solvers that run from the first to the last timestep and from there to {@code
   * last}.
   *
   * @param timesteps to visit, unless the configuration spaces the sigmas
   */
  static SigmaGrid fromEndToEnd(
      SchedulerConfig config, TrainedSigmas trained, double[] timesteps, float last) {
    SolverSettings settings = config.solver();
    double[] sigmas = Arrays.stream(timesteps).map(trained::at).toArray();
    if (settings.logLinear()) {
      sigmas = SigmaSpacing.EXPONENTIAL.between(trained.max(), trained.min(), timesteps.length + 1);
    }
    if (settings.sigmaSpacing() == SigmaSpacing.TRAINED) {
      return new SigmaGrid(floats(sigmas, last), timesteps);
    }
    double[] spaced =
        settings
            .sigmaSpacing()
            .between(
                settings.sigmaMax().orElse(sigmas[0]),
                settings.sigmaMin().orElse(sigmas[sigmas.length - 1]),
                timesteps.length);
    return new SigmaGrid(floats(spaced, last), trained.timestepsOf(spaced));
  }

  /**
   * Makes a grid for solvers whose last step begins above the first timestep.
   *
   * @param timesteps to visit, unless the configuration spaces the sigmas
   * @param whole rounds the timestep of a spaced sigma
   */
  static SigmaGrid aboveFirst(
      SchedulerConfig config,
      TrainedSigmas trained,
      List<Integer> timesteps,
      DoubleUnaryOperator whole) {
    SolverSettings settings = config.solver();
    boolean toZero = settings.endsAtZero();
    if (settings.sigmaSpacing() == SigmaSpacing.TRAINED) {
      double[] visited = Timesteps.doubles(timesteps);
      double[] sigmas = Arrays.stream(visited).map(trained::at).toArray();
      return new SigmaGrid(floats(sigmas, toZero ? 0 : trained.min()), visited);
    }
    double[] sigmas =
        settings
            .sigmaSpacing()
            .between(
                settings.sigmaMax().orElse(trained.max()),
                settings.sigmaMin().orElse(trained.min()),
                timesteps.size());
    float last = toZero ? 0 : (float) sigmas[sigmas.length - 1];
    double[] told = Arrays.stream(trained.timestepsOf(sigmas)).map(whole).toArray();
    return new SigmaGrid(floats(sigmas, last), told);
  }

  private static float[] floats(double[] sigmas, float last) {
    float[] floats = new float[sigmas.length + 1];
    for (int i = 0; i < sigmas.length; i++) {
      floats[i] = (float) sigmas[i];
    }
    floats[sigmas.length] = last;
    return floats;
  }

  /** Returns the same grid with timesteps in single precision. */
  SigmaGrid rounded() {
    return new SigmaGrid(sigmas, Arrays.stream(timesteps).map(t -> (float) t).toArray());
  }

  /** Returns the same grid with whole timesteps. */
  SigmaGrid whole() {
    return new SigmaGrid(sigmas, Arrays.stream(timesteps).map(Math::rint).toArray());
  }

  /** The end of a step from one level to the next. */
  interface End {
    float of(float sigma, float next);
  }

  /**
   * Inserts the middle, in log(sigma), between every level and the end of its step.
   *
   * @param trained tells the timesteps of the middles
   */
  SigmaGrid withMiddles(TrainedSigmas trained, End end) {
    SigmaGrid doubled = doubled();
    for (int i = 1; i < doubled.timesteps.length; i += 2) {
      float from = Floats.log(sigmas[i / 2]);
      float to = Floats.log(end.of(sigmas[i / 2], sigmas[i / 2 + 1]));
      doubled.sigmas[i] = Floats.exp(from + (to - from) * 0.5f);
      doubled.timesteps[i] = trained.timestepOf(doubled.sigmas[i]);
    }
    return doubled;
  }

  /**
   * Repeats every level except the first, for solvers with a second evaluation at the end of a
   * step.
   */
  SigmaGrid doubled() {
    int steps = timesteps.length;
    float[] levels = new float[2 * steps];
    double[] told = new double[2 * steps - 1];
    for (int i = 0; i < told.length; i++) {
      levels[i] = sigmas[(i + 1) / 2];
      told[i] = timesteps[(i + 1) / 2];
    }
    levels[2 * steps - 1] = sigmas[sigmas.length - 1];
    return new SigmaGrid(levels, told);
  }
}
