package dev.sfumato.model;

import dev.sfumato.nn.GroupNorm;
import dev.sfumato.nn.Linear;
import dev.sfumato.nn.Module;
import dev.sfumato.tensor.Functional;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.util.List;

/**
 * Self-attention between the pixels of a picture (Vaswani et al., 2017; Ho et al., 2020): {@code
 * softmax(Q K^T / sqrt(d)) V} in heads of d channels, each pixel a token.
 */
final class Attention extends Module implements PixelAttention {
  private final GroupNorm groupNorm;
  private final GroupNorm normCross;
  private final Linear toQ;
  private final Linear toK;
  private final Linear toV;
  private final List<Linear> toOut;
  private final int heads;
  private final double scale;

  /**
   * @param headChannels channels of a head; what remains of {@code channels} is not attended to
   * @param norm normalises the input, or null
   * @param normCross normalises a text, which a U-Net without texts never gets, or null
   * @param scale divides the output
   */
  private Attention(
      int channels, int headChannels, GroupNorm norm, GroupNorm normCross, double scale) {
    heads = channels / headChannels;
    int inner = heads * headChannels;
    groupNorm = norm;
    this.normCross = normCross;
    toQ = new Linear(channels, inner);
    toK = new Linear(channels, inner);
    toV = new Linear(channels, inner);
    toOut = List.of(new Linear(inner, channels));
    this.scale = scale;
  }

  /** Attention over {@code channels} with normalisation in {@code groups}, or none if 0. */
  static Attention normed(UNet2DConfig config, int channels, int groups, double scale) {
    GroupNorm norm = groups == 0 ? null : new GroupNorm(groups, channels, config.normEps());
    return new Attention(channels, config.headChannels(channels), norm, null, scale);
  }

  /** Attention in one head of all channels. */
  static Attention oneHead(int channels, GroupNorm norm) {
    return new Attention(channels, channels, norm, null, 1);
  }

  /**
   * Attention without normalisation of its own.
   *
   * @param forText whether the checkpoint holds weights for normalising a text
   */
  static Attention plain(UNet2DConfig config, int channels, boolean forText) {
    GroupNorm unused = forText ? new GroupNorm(1, channels, config.normEps()) : null;
    return new Attention(channels, config.headChannels(channels), null, unused, 1);
  }

  @Override
  public Tensor forward(Tensor x, Told told) {
    return forward(x);
  }

  /** Features (B, C, H, W) to {@code (x + attention(norm(x))) / scale}, of the same shape. */
  Tensor forward(Tensor x) {
    try (Scope scope = Scope.open()) {
      Tensor flat = x.reshape(x.size(0), x.size(1), -1);
      Tensor normed = groupNorm == null ? flat : groupNorm.forward(flat);
      Tensor y = gather(normed).reshape(x.shape());
      y.add_(x, 1);
      return scope.keep(scale == 1 ? y : y.div(scale));
    }
  }

  /** Pixels (B, C, N) to what each gathers from all, (B, C, N). */
  Tensor gather(Tensor x) {
    try (Scope scope = Scope.open()) {
      long pixels = x.size(2);
      Tensor qkv =
          Linear.pointwise(x, toQ, toK, toV)
              .reshape(x.size(0), 3, heads, -1, pixels)
              .permute(1, 0, 2, 4, 3)
              .contiguous(); // (3, B, heads, N, d)
      Tensor gathered = Functional.attention(qkv.select(0, 0), qkv.select(0, 1), qkv.select(0, 2));
      Tensor joined = gathered.transpose(2, 3).reshape(x.size(0), -1, pixels);
      return scope.keep(Linear.pointwise(joined, toOut.get(0)));
    }
  }
}
