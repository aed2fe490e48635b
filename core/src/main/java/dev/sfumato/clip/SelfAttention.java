package dev.sfumato.clip;

import dev.sfumato.nn.AdaptedWeight;
import dev.sfumato.nn.Linear;
import dev.sfumato.nn.Module;
import dev.sfumato.tensor.Functional;
import dev.sfumato.tensor.Rng;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.util.Optional;

/**
 * Self-attention in heads (Vaswani et al., 2017): {@code softmax(Q K^T / sqrt(d)) V}, where Q, K
 * and V come from one matrix.
 */
final class SelfAttention extends Module {
  private final AdaptedWeight inProjWeight;
  private final Tensor inProjBias;
  private final Linear outProj;
  private final int heads;
  private final boolean causal;

  /**
   * @param width length of the vectors
   * @param heads the number of parts of a vector
   * @param causal whether a position sees only itself and earlier ones
   */
  SelfAttention(int width, int heads, boolean causal) {
    inProjWeight = new AdaptedWeight(3L * width, width);
    inProjBias = parameter(3L * width);
    outProj = new Linear(width, width);
    this.heads = heads;
    this.causal = causal;
  }

  /** (B, N, width) to the same shape. */
  Tensor forward(Tensor x) {
    return forward(x, Optional.empty());
  }

  /** Computes the same with a mask of the positions that are seen, (B, 1, N, N) bool. */
  Tensor forward(Tensor x, Optional<Tensor> seen) {
    return Scope.run(
        () -> {
          Tensor qkv =
              inProjWeight
                  .linear(x, inProjBias, this)
                  .reshape(x.size(0), x.size(1), 3, heads, -1)
                  .permute(2, 0, 3, 1, 4); // (3, B, heads, N, d)
          Tensor q = qkv.select(0, 0);
          Tensor k = qkv.select(0, 1);
          Tensor v = qkv.select(0, 2);
          Tensor gathered =
              seen.map(mask -> Functional.attention(q, k, v, mask))
                  .orElseGet(
                      () ->
                          causal
                              ? Functional.causalAttention(q, k, v)
                              : Functional.attention(q, k, v));
          return outProj.forward(gathered.transpose(1, 2).reshape(x.shape()));
        });
  }

  @Override
  protected void resetOwn(Rng rng) {
    Tensor weight = inProjWeight.parameter();
    StartValues.normal(rng, weight, Math.pow(weight.size(1), -0.5));
    StartValues.normal(rng, inProjBias, 0);
  }
}
