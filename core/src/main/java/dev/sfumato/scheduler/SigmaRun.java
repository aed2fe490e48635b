package dev.sfumato.scheduler;

import dev.sfumato.tensor.Rng;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;

/**
 * The base of solvers of x = x_0 + sigma eps (Karras et al. 2022, the variance-exploding view): the
 * model gets x / sqrt(sigma^2 + 1), and the ODE is
 *
 * <pre>dx / d sigma = (x - x_0) / sigma = eps</pre>
 */
abstract class SigmaRun extends SolverRun {
  /** sigma at each step and after the last one. */
  final float[] sigmas;

  private final boolean startsBelowMax;

  SigmaRun(SchedulerConfig config, SigmaGrid grid, Rng rng) {
    super(config, grid.timesteps(), rng);
    this.sigmas = grid.sigmas();
    this.startsBelowMax = config.timestepSpacing() == TimestepSpacing.LEADING;
  }

  /** Returns sigma of x at {@code step}. */
  final float sigma(Step step) {
    return sigmas[step.index()];
  }

  /** Returns sigma of x after {@code step}. */
  final float next(Step step) {
    return sigmas[step.index() + 1];
  }

  @Override
  final NoiseLevel level(Step step) {
    return NoiseLevel.ofSigma(sigma(step));
  }

  @Override
  public final double initNoiseSigma() {
    float max = sigmas[0];
    return startsBelowMax ? Floats.sqrt(max * max + 1) : max;
  }

  @Override
  public final double inputScale(Step step) {
    float sigma = sigma(step);
    return 1 / Floats.sqrt(sigma * sigma + 1);
  }

  /** x_0 + sigma eps. */
  @Override
  public Tensor addNoise(Tensor x0, Tensor noise, Step step) {
    return Scope.run(() -> x0.add(noise.mul(sigma(step))));
  }

  @Override
  public final Tensor scaleModelInput(Tensor x, Step step) {
    float sigma = sigma(step);
    return x.div(Floats.sqrt(sigma * sigma + 1));
  }

  @Override
  final Tensor x0(Tensor prediction, Tensor x, Step step) {
    return x0(prediction, x, sigma(step));
  }

  /** Returns the limited x_0 of x at {@code sigma}, in the current scope. */
  final Tensor x0(Tensor prediction, Tensor x, float sigma) {
    return limit.apply(
        switch (predictionType) {
          case EPSILON -> x.sub(prediction.mul(sigma));
          case SAMPLE -> prediction;
          case V_PREDICTION -> {
            float variance = sigma * sigma + 1;
            yield prediction.mul(-sigma / Floats.sqrt(variance)).add(x.div(variance));
          }
        });
  }

  /** Returns dx / d sigma at {@code sigma}, in the current scope. */
  static Tensor derivative(Tensor x, Tensor x0, float sigma) {
    return x.sub(x0).div(sigma);
  }
}
