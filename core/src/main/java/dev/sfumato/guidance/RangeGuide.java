package dev.sfumato.guidance;

import dev.sfumato.tensor.Tensor;

/**
 * Towards pixels within [-1, 1]: the mean of their squared distance from it, as Disco Diffusion's
 * {@code range_loss}. Zero where the scheduler limits the predicted picture itself ({@code
 * clip_sample}).
 */
public record RangeGuide() implements Guide {
  @Override
  public Tensor loss(Tensor predictedX0, Moment at) {
    return predictedX0.sub(predictedX0.clamp(-1, 1)).square().mean();
  }
}
