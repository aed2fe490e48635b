package dev.sfumato.guidance;

import dev.sfumato.tensor.Tensor;

/**
 * Steers towards smooth pictures: the sum of squared differences between neighbours, right and
 * below, divided by the number of pixels, as in Disco Diffusion's {@code tv_loss}.
 */
public record TotalVariationGuide() implements Guide {
  @Override
  public Tensor loss(Tensor predictedX0, Moment at) {
    return differences(predictedX0, 2).add(differences(predictedX0, 3)).div(predictedX0.numel());
  }

  private static Tensor differences(Tensor x, int dim) {
    long last = x.size(dim) - 1;
    return x.narrow(dim, 1, last).sub(x.narrow(dim, 0, last)).square().sum();
  }
}
