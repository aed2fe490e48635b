package dev.sfumato.guidance;

import dev.sfumato.tensor.Tensor;

/**
 * Towards a contrast: the distance of the standard deviation of each picture's luma (RMS contrast,
 * Peli 1990) from it; the mean over the batch.
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
    Tensor deviation = Luma.of(predictedX0).std(false, 1, 2, 3); // of values twice as far apart
    return deviation.div(2).sub(target).abs().mean();
  }
}
