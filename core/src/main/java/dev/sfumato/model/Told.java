package dev.sfumato.model;

import dev.sfumato.tensor.Tensor;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;

/**
 * The inputs of a network's blocks besides the features.
 *
 * @param time the time embedding (B, T); null in a network without times
 * @param tokens the tokens for cross-attention (B, N, D); null in a network without it
 * @param known the keys and values of the tokens in layers that have already computed them
 */
record Told(Tensor time, Tensor tokens, Map<TokenAttention, TokenAttention.Memory> known) {
  /** No inputs, as in an autoencoder. */
  static final Told NOTHING = new Told(null, null, Map.of());

  /** Returns the time as the only input. */
  static Told of(Tensor time) {
    return new Told(time, null, Map.of());
  }

  /** Returns the inputs of a layer that is computed again in the backward pass. */
  Tensor[] beside(Tensor x) {
    return Stream.of(x, time, tokens).filter(Objects::nonNull).toArray(Tensor[]::new);
  }

  /** Returns the same, made of these inputs. */
  Told again(List<Tensor> inputs) {
    return new Told(
        time == null ? null : inputs.get(1), tokens == null ? null : inputs.get(2), known);
  }
}
