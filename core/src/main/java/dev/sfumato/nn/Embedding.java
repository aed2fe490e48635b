package dev.sfumato.nn;

import dev.sfumato.tensor.Functional;
import dev.sfumato.tensor.Rng;
import dev.sfumato.tensor.Tensor;

/** A table of vectors looked up by number. */
public final class Embedding extends Module {
  private final Tensor weight;

  /** {@code count} vectors of {@code size} numbers. */
  public Embedding(long count, long size) {
    weight = parameter(count, size);
  }

  /** Indices (...) int64 to vectors (..., size). */
  public Tensor forward(Tensor indices) {
    return Functional.embedding(weight, indices);
  }

  @Override
  protected void resetOwn(Rng rng) {
    Initial.normal(rng, weight);
  }
}
