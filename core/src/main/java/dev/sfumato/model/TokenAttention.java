package dev.sfumato.model;

import dev.sfumato.nn.Linear;
import dev.sfumato.nn.Module;
import dev.sfumato.tensor.Functional;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.util.List;

/**
 * Attention from tokens to themselves or to those of a text (Vaswani et al., 2017): {@code
 * softmax(Q K^T / sqrt(d)) V} in heads of d channels.
 */
final class TokenAttention extends Module {
  private final Linear toQ;
  private final Linear toK;
  private final Linear toV;
  private final List<Linear> toOut;
  private final int heads;
  private final boolean readsText;

  /** Keys and values, each (B, heads, N, d). */
  record Memory(Tensor keys, Tensor values) {}

  /**
   * @param channels of the tokens
   * @param heads parts that attend each by itself; of {@code channels / heads} channels, rounded
   *     down
   * @param textChannels channels of the text; 0 for attention to the tokens themselves
   */
  TokenAttention(int channels, int heads, int textChannels) {
    int inner = channels / heads * heads;
    int source = textChannels == 0 ? channels : textChannels;
    readsText = textChannels > 0;
    toQ = new Linear(channels, inner, false);
    toK = new Linear(source, inner, false);
    toV = new Linear(source, inner, false);
    toOut = List.of(new Linear(inner, channels));
    this.heads = heads;
  }

  /** Whether keys and values are those of a text. */
  boolean readsText() {
    return readsText;
  }

  /** Tokens (B, N, C) to what each gathers from all, or from the text, of the same shape. */
  Tensor forward(Tensor x, Told told) {
    try (Scope scope = Scope.open()) {
      Memory memory = readsText ? memory(told) : remember(x);
      Tensor q = split(toQ.forward(x));
      Tensor gathered = Functional.attention(q, memory.keys, memory.values);
      Tensor joined = gathered.transpose(1, 2).reshape(x.size(0), x.size(1), -1);
      return scope.keep(toOut.get(0).forward(joined));
    }
  }

  private Memory memory(Told told) {
    Memory known = told.known().get(this);
    return known == null ? remember(told.tokens()) : known;
  }

  /** The keys and values of tokens (B, N, D). */
  Memory remember(Tensor tokens) {
    return new Memory(split(toK.forward(tokens)), split(toV.forward(tokens)));
  }

  /** (B, N, heads d) to (B, heads, N, d). */
  private Tensor split(Tensor x) {
    return x.reshape(x.size(0), x.size(1), heads, -1).transpose(1, 2);
  }
}
