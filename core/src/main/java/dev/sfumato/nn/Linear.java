package dev.sfumato.nn;

import dev.sfumato.tensor.Functional;
import dev.sfumato.tensor.Rng;
import dev.sfumato.tensor.Tensor;

/** {@code y = x weight^T + bias}. */
public final class Linear extends Module {
  private final Tensor weight;
  private final Tensor bias;

  /** A layer from {@code in} to {@code out} features. */
  public Linear(long in, long out, boolean withBias) {
    weight = parameter(out, in);
    bias = withBias ? parameter(out) : null;
  }

  /** A layer with a bias. */
  public Linear(long in, long out) {
    this(in, out, true);
  }

  /** (..., in) to (..., out). */
  public Tensor forward(Tensor x) {
    return Functional.linear(x, weight, bias);
  }

  @Override
  protected void resetOwn(Rng rng) {
    Initial.fanIn(rng, weight, weight);
    Initial.fanIn(rng, bias, weight);
  }
}
