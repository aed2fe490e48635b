package dev.sfumato.guidance;

import dev.sfumato.tensor.Tensor;

/**
 * Steers towards pixels within [-1, 1]: the mean of their squared distance from that range, as in
 * Disco Diffusion's {@code range_loss}. It is zero if the scheduler itself limits the predicted
 * picture ({@code clip_sample}).
 */
public record RangeGuide() implements Guide {
  @Override
  public Tensor loss(Tensor predictedX0, Moment at) {
    return predictedX0.sub(predictedX0.clamp(-1, 1)).square().mean();
  }
}
