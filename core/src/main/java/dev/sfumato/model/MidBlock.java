package dev.sfumato.model;

import dev.sfumato.nn.Module;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.util.List;
import java.util.stream.Stream;

/**
 * The middle, at the coarsest level: a residual block, attention or not, another residual block or
 * not.
 */
final class MidBlock extends Module {
  private final List<PixelAttention> attentions;
  private final List<ResnetBlock> resnets;

  MidBlock(List<ResnetBlock> resnets, List<? extends PixelAttention> attentions) {
    this.attentions = List.copyOf(attentions);
    this.resnets = List.copyOf(resnets);
  }

  /** The middle of a U-Net without texts. */
  static MidBlock of(UNet2DConfig config, int channels) {
    double scale = config.midBlockScaleFactor();
    int normal = config.scaleShift() ? 0 : config.groups(channels);
    List<Attention> attentions =
        config.addAttention()
            ? List.of(
                Attention.normed(
                    config, channels, config.attnNormNumGroups().orElse(normal), scale))
            : List.of();
    return new MidBlock(resnets(2, config.layers(), channels, scale), attentions);
  }

  /** Residual blocks whose outputs are divided by {@code scale}. */
  static List<ResnetBlock> resnets(int count, Layers layers, int channels, double scale) {
    ResnetBlock.Shape shape = layers.shape(channels, channels).scaled(scale);
    return Stream.generate(() -> new ResnetBlock(layers.settings(), shape)).limit(count).toList();
  }

  /** Features (B, C, H, W) to the same shape. */
  Tensor forward(Tensor x, Told told) {
    return checkpointed(in -> compute(in.get(0), told.again(in)), told.beside(x));
  }

  private Tensor compute(Tensor x, Told told) {
    try (Scope scope = Scope.open()) {
      Tensor h = resnets.get(0).forward(x, told);
      for (PixelAttention attention : attentions) {
        h = attention.forward(h, told);
      }
      return scope.keep(resnets.size() == 1 ? h : resnets.get(1).forward(h, told));
    }
  }
}
