package dev.sfumato.guidance;

import dev.sfumato.tensor.Tensor;

/**
 * Steers away from pixels beyond [-1, 1] in the mixture of predicted and noisy picture that Disco
 * Diffusion shows to CLIP: the mean distance, its {@code sat_loss}, of
 *
 * <pre>predictedX0 f + x (1 - f),   f = sqrt(1 - alphaCumprod)</pre>
 */
public record OversaturationGuide() implements Guide {
  @Override
  public Tensor loss(Tensor predictedX0, Moment at) {
    double f = Math.sqrt(1 - at.alphaCumprod());
    Tensor mixture = predictedX0.mul(f).add(at.x().mul(1 - f));
    return mixture.sub(mixture.clamp(-1, 1)).abs().mean();
  }
}
