package dev.sfumato.model;

import dev.sfumato.nn.Conv2d;
import dev.sfumato.nn.GroupNorm;
import dev.sfumato.nn.Linear;
import dev.sfumato.nn.Module;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.util.List;
import java.util.stream.Stream;

/**
 * The spatial transformer of Rombach et al., "High-Resolution Image Synthesis with Latent Diffusion
 * Models" (2022), <a href="https://arxiv.org/abs/2112.10752">arXiv:2112.10752</a>: pixels as tokens
 * that attend to each other and to a text. Its output is added to its input.
 */
final class Transformer2DModel extends Module implements PixelAttention {
  private static final double EPSILON = 1e-6;

  private final GroupNorm norm;
  private final Module projIn;
  private final List<TransformerBlock> transformerBlocks;
  private final Module projOut;

  /**
   * The settings of the transformers at one level of a U-Net.
   *
   * @param layers the number of blocks
   * @param heads the heads of each attention
   * @param textChannels the channels of the text
   * @param groups the groups of the normalisation
   * @param linear whether the projections in and out are stored as matrices instead of convolutions
   * @param textOnly whether both attentions of a block go to the text
   */
  record Settings(
      int layers, int heads, int textChannels, int groups, boolean linear, boolean textOnly) {
    /** Returns the same settings with attention to the picture and to the text. */
    Settings forBoth() {
      return new Settings(layers, heads, textChannels, groups, linear, false);
    }
  }

  Transformer2DModel(Settings settings, int channels) {
    int inner = channels / settings.heads() * settings.heads();
    norm = new GroupNorm(settings.groups(), channels, EPSILON);
    projIn = projection(settings.linear(), channels, inner);
    transformerBlocks =
        Stream.generate(() -> new TransformerBlock(settings, inner))
            .limit(settings.layers())
            .toList();
    projOut = projection(settings.linear(), inner, channels);
  }

  private static Module projection(boolean linear, int in, int out) {
    return linear ? new Linear(in, out) : new Conv2d(in, out, 1, 1, 0);
  }

  @Override
  public Tensor forward(Tensor x, Told told) {
    try (Scope scope = Scope.open()) {
      Tensor tokens = projected(projIn, norm.forward(x)).reshape(x.size(0), -1, pixels(x));
      Tensor h = tokens.transpose(1, 2).contiguous(); // (B, H W, C)
      for (TransformerBlock block : transformerBlocks) {
        h = scope.replace(h, block.forward(h, told));
      }
      // Not contiguous, all layers from here on would copy their weights to the layout of features.
      Tensor features = h.transpose(1, 2).contiguous().reshape(x.size(0), -1, x.size(2), x.size(3));
      return scope.keep(projected(projOut, features).reshape(x.shape()).add_(x, 1));
    }
  }

  /** Maps (B, in, H, W) to (B, out, H, W) or (B, out, H W). */
  private static Tensor projected(Module projection, Tensor x) {
    return projection instanceof Conv2d conv
        ? conv.forward(x)
        : Linear.pointwise(x.reshape(x.size(0), x.size(1), pixels(x)), (Linear) projection);
  }

  private static long pixels(Tensor x) {
    return x.size(2) * x.size(3);
  }
}
