package dev.sfumato.guidance;

import dev.sfumato.tensor.Tensor;

/**
 * Steers towards a brightness: the distance of each picture's mean luma, in [-1, 1], from the
 * target, averaged over the batch.
 *
 * @param target 0 (black) to 1 (white)
 */
public record BrightnessGuide(double target) implements Guide {
  /**
   * @throws dev.sfumato.SfumatoException if the target is out of range
   */
  public BrightnessGuide {
    Luma.requireShare("brightness", target);
  }

  @Override
  public Tensor loss(Tensor predictedX0, Moment at) {
    Tensor brightness = Luma.of(predictedX0).mean(false, 1, 2, 3);
    return brightness.sub(2 * target - 1).abs().mean();
  }
}
