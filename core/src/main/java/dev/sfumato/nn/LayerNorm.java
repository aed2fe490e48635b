package dev.sfumato.nn;

import dev.sfumato.tensor.Functional;
import dev.sfumato.tensor.Rng;
import dev.sfumato.tensor.Tensor;

/** Layer normalisation (Ba et al., 2016) over the last dimension, with a weight and a bias. */
public final class LayerNorm extends Module {
  private final Tensor weight;
  private final Tensor bias;
  private final double epsilon;

  /**
   * @param size length of the vectors
   * @param epsilon added to the variance
   */
  public LayerNorm(long size, double epsilon) {
    weight = parameter(size);
    bias = parameter(size);
    this.epsilon = epsilon;
  }

  /** (..., size) to the same shape. */
  public Tensor forward(Tensor x) {
    return Functional.layerNorm(x, weight, bias, epsilon);
  }

  @Override
  protected void resetOwn(Rng rng) {
    Initial.constant(1, weight);
    Initial.constant(0, bias);
  }
}
