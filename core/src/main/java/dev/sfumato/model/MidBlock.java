package dev.sfumato.model;

import dev.sfumato.nn.Module;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.util.List;

/** The middle, at the coarsest level: residual block, attention or not, residual block. */
final class MidBlock extends Module {
  private final List<Attention> attentions;
  private final List<ResnetBlock> resnets;

  MidBlock(UNet2DConfig config, int channels) {
    double scale = config.midBlockScaleFactor();
    ResnetBlock.Shape shape = ResnetBlock.Shape.of(config, channels, channels).scaled(scale);
    int normal = config.scaleShift() ? 0 : config.groups(channels);
    attentions =
        config.addAttention()
            ? List.of(
                Attention.normed(
                    config, channels, config.attnNormNumGroups().orElse(normal), scale))
            : List.of();
    resnets = List.of(new ResnetBlock(config, shape), new ResnetBlock(config, shape));
  }

  /** Features (B, C, H, W) and time embedding (B, T) to (B, C, H, W). */
  Tensor forward(Tensor x, Tensor time) {
    return checkpointed(in -> compute(in.get(0), in.get(1)), x, time);
  }

  private Tensor compute(Tensor x, Tensor time) {
    try (Scope scope = Scope.open()) {
      Tensor h = resnets.get(0).forward(x, time);
      for (Attention attention : attentions) {
        h = attention.forward(h);
      }
      return scope.keep(resnets.get(1).forward(h, time));
    }
  }
}
