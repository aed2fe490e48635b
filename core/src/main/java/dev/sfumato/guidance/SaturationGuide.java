package dev.sfumato.guidance;

import dev.sfumato.tensor.Tensor;

/**
 * Steers towards a saturation: the distance of each picture's mean chroma, max(R, G, B) - min(R, G,
 * B), from the target, averaged over the batch.
 *
 * @param target 0 (gray) to 1 (pure colours)
 */
public record SaturationGuide(double target) implements Guide {
  /**
   * @throws dev.sfumato.SfumatoException if the target is out of range
   */
  public SaturationGuide {
    Luma.requireShare("saturation", target);
  }

  @Override
  public Tensor loss(Tensor predictedX0, Moment at) {
    Luma.requireRgb(predictedX0);
    Tensor red = predictedX0.select(1, 0);
    Tensor green = predictedX0.select(1, 1);
    Tensor blue = predictedX0.select(1, 2);
    Tensor chroma = red.maximum(green).maximum(blue).sub(red.minimum(green).minimum(blue)).div(2);
    return chroma.mean(false, 1, 2).sub(target).abs().mean();
  }
}
