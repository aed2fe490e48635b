package dev.sfumato.model;

import dev.sfumato.nn.LayerNorm;
import dev.sfumato.nn.Linear;
import dev.sfumato.nn.Module;
import dev.sfumato.nn.Name;
import dev.sfumato.tensor.Functional;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;

/**
 * A block of {@link Transformer2DModel}: attention to the picture, attention to the text, and a
 * two-layer network on each token. Each part normalises its input and adds its output to it.
 */
final class TransformerBlock extends Module {
  private static final double EPSILON = 1e-5;

  private final LayerNorm norm1;
  private final TokenAttention attn1;
  private final LayerNorm norm2;
  private final TokenAttention attn2;
  private final LayerNorm norm3;
  private final FeedForward ff;

  TransformerBlock(Transformer2DModel.Settings settings, int channels) {
    int text = settings.textChannels();
    norm1 = new LayerNorm(channels, EPSILON);
    attn1 = new TokenAttention(channels, settings.heads(), settings.textOnly() ? text : 0);
    norm2 = new LayerNorm(channels, EPSILON);
    attn2 = new TokenAttention(channels, settings.heads(), text);
    norm3 = new LayerNorm(channels, EPSILON);
    ff = new FeedForward(channels);
  }

  /** Maps tokens (B, N, C) to the same shape. */
  Tensor forward(Tensor x, Told told) {
    try (Scope scope = Scope.open()) {
      Tensor h = attn1.forward(norm1.forward(x), told).add_(x, 1);
      h = scope.replace(h, attn2.forward(norm2.forward(h), told).add_(h, 1));
      return scope.keep(ff.forward(norm3.forward(h)).add_(h, 1));
    }
  }

  /** Two layers with a gate between them: {@code W2 geglu(W1 x)}. */
  private static final class FeedForward extends Module {
    private static final int WIDER = 4;

    @Name("net.0.proj")
    private final Linear in;

    @Name("net.2")
    private final Linear out;

    FeedForward(int channels) {
      in = new Linear(channels, 2L * WIDER * channels);
      out = new Linear((long) WIDER * channels, channels);
    }

    Tensor forward(Tensor x) {
      try (Scope scope = Scope.open()) {
        return scope.keep(out.forward(Functional.geglu(in.forward(x))));
      }
    }
  }
}
