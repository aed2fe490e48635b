package dev.sfumato.model;

import dev.sfumato.nn.Module;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;

/**
 * Attention of K blocks: one or two layers, each {@code x + attention(adaptive norm(x))}. The
 * second is made for a text; without texts it attends to the picture itself.
 */
final class KAttention extends Module {
  private static final double EPSILON = 1e-5;

  private final AdaGroupNorm norm1;
  private final Attention attn1;
  private final AdaGroupNorm norm2;
  private final Attention attn2;

  KAttention(UNet2DConfig config, int channels, boolean twoLayers) {
    norm1 = twoLayers ? norm(config, channels) : null;
    attn1 = twoLayers ? Attention.plain(config, channels, false) : null;
    norm2 = norm(config, channels);
    attn2 = Attention.plain(config, channels, true);
  }

  private static AdaGroupNorm norm(UNet2DConfig config, int channels) {
    return new AdaGroupNorm(config, channels, Math.max(1, channels / 32), EPSILON);
  }

  /** Maps features (B, C, H, W) and time embedding (B, T) to (B, C, H, W). */
  Tensor forward(Tensor x, Tensor time) {
    try (Scope scope = Scope.open()) {
      Tensor h = attn1 == null ? x : layer(norm1, attn1, x, time);
      return scope.keep(layer(norm2, attn2, h, time));
    }
  }

  private static Tensor layer(AdaGroupNorm norm, Attention attention, Tensor x, Tensor time) {
    try (Scope scope = Scope.open()) {
      Tensor flat = norm.forward(x, time).reshape(x.size(0), x.size(1), -1);
      Tensor y = attention.gather(flat).reshape(x.shape());
      return scope.keep(y.add_(x, 1));
    }
  }
}
