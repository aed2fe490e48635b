package dev.sfumato.model;

import dev.sfumato.tensor.Rng;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;

/**
 * The normal distribution of a picture's latents (Kingma and Welling, 2014).
 *
 * @param mean (B, C, H, W)
 * @param logVariance (B, C, H, W), in [-30, 20]
 */
public record Posterior(Tensor mean, Tensor logVariance) {

  /** Reads an encoder's output (B, 2C, H, W): means, then logarithms of variances. */
  static Posterior of(Tensor moments) {
    long channels = moments.size(1) / 2;
    return new Posterior(
        moments.narrow(1, 0, channels), moments.narrow(1, channels, channels).clamp(-30, 20));
  }

  /** Returns the standard deviation (B, C, H, W). */
  public Tensor deviation() {
    return Scope.run(() -> logVariance.mul(0.5).exp());
  }

  /**
   * Draws {@code mean + deviation n} with {@code n ~ N(0, 1)} from {@code random}: (B, C, H, W).
   */
  public Tensor sample(Rng random) {
    return Scope.run(() -> at(random.normal(mean.shape()).to(mean.device())));
  }

  /**
   * Returns {@code mean + deviation noise}: (B, C, H, W).
   *
   * @param noise (B, C, H, W) ~ N(0, 1), on the device of the mean
   */
  public Tensor at(Tensor noise) {
    return Scope.run(() -> mean.add(deviation().mul(noise)));
  }

  /**
   * Returns the mean over all latents of the divergence from N(0, 1), {@code (mean^2 + variance - 1
   * - log variance) / 2}, of shape ().
   */
  public Tensor divergence() {
    return Scope.run(
        () -> mean.square().add(logVariance.exp()).sub(1).sub(logVariance).mean().mul(0.5));
  }
}
