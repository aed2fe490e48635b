package dev.sfumato.guidance;

import dev.sfumato.tensor.Tensor;

/**
 * Steers towards a contrast: the distance of the standard deviation of each picture's luma (RMS
 * contrast, Peli 1990) from the target, averaged over the batch.
 *
 * @param target 0 (one gray) to 1; photographs lie between 0.1 and 0.3
 */
public record ContrastGuide(double target) implements Guide {
  /**
   * @throws dev.sfumato.SfumatoException if the target is out of range
   */
  public ContrastGuide {
    Luma.requireShare("contrast", target);
  }

  @Override
  public Tensor loss(Tensor predictedX0, Moment at) {
    Tensor deviation =
        Luma.of(predictedX0).std(false, 1, 2, 3); // since values in [-1, 1] lie twice as far apart
    return deviation.div(2).sub(target).abs().mean();
  }
}
