package dev.sfumato.model;

import dev.sfumato.tensor.Tensor;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;

/**
 * What the blocks of a network are told besides the features.
 *
 * @param time the time embedding (B, T); null in a network without times
 * @param tokens what cross-attention reads (B, N, D); null in a network without it
 * @param known the keys and values of the tokens in layers that have computed them before
 */
record Told(Tensor time, Tensor tokens, Map<TokenAttention, TokenAttention.Memory> known) {
  /** Nothing, as in an autoencoder. */
  static final Told NOTHING = new Told(null, null, Map.of());

  /** The time alone. */
  static Told of(Tensor time) {
    return new Told(time, null, Map.of());
  }

  /** The inputs of a layer that is computed again in the backward pass. */
  Tensor[] beside(Tensor x) {
    return Stream.of(x, time, tokens).filter(Objects::nonNull).toArray(Tensor[]::new);
  }

  /** The same, made of these inputs. */
  Told again(List<Tensor> inputs) {
    return new Told(
        time == null ? null : inputs.get(1), tokens == null ? null : inputs.get(2), known);
  }
}
