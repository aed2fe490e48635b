package dev.sfumato.model;

import dev.sfumato.tensor.Rng;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;

/**
 * The normal distribution of the latents that may stand for a picture (Kingma and Welling, 2014).
 *
 * @param mean (B, C, H, W)
 * @param logVariance (B, C, H, W), in [-30, 20]
 */
public record Posterior(Tensor mean, Tensor logVariance) {

  /** From an encoder's output (B, 2C, H, W): means, then logarithms of variances. */
  static Posterior of(Tensor moments) {
    long channels = moments.size(1) / 2;
    return new Posterior(
        moments.narrow(1, 0, channels), moments.narrow(1, channels, channels).clamp(-30, 20));
  }

  /** The standard deviation (B, C, H, W). */
  public Tensor deviation() {
    return Scope.run(() -> logVariance.mul(0.5).exp());
  }

  /** {@code mean + deviation n} with {@code n ~ N(0, 1)} drawn by {@code random}: (B, C, H, W). */
  public Tensor sample(Rng random) {
    return Scope.run(
        () -> {
          Tensor noise = random.normal(mean.shape()).to(mean.device());
          return mean.add(deviation().mul(noise));
        });
  }
}
