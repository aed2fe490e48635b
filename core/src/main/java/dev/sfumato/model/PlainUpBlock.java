package dev.sfumato.model;

import dev.sfumato.nn.Module;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntFunction;
import java.util.function.Supplier;

/**
 * Residual blocks on features and skips, each with optional attention, then a layer that doubles.
 */
final class PlainUpBlock extends Module implements UpBlock {
  private final List<PixelAttention> attentions = new ArrayList<>();
  private final List<ResnetBlock> resnets = new ArrayList<>();
  private final List<Resampler> upsamplers = new ArrayList<>();

  /**
   * @param attention makes the attention after residual block i, or is null for none
   * @param doubling makes the layer that doubles, for all levels except the finest
   */
  PlainUpBlock(
      Place place,
      Layers layers,
      IntFunction<? extends PixelAttention> attention,
      Supplier<? extends Resampler> doubling) {
    int out = place.out();
    for (int i = 0; i < layers.count(); i++) {
      int before = i == 0 ? place.before() : out;
      int skip = i == layers.count() - 1 ? place.finer() : out;
      resnets.add(layers.resnet(before + skip, out));
      if (attention != null) {
        attentions.add(attention.apply(i));
      }
    }
    if (!place.last()) {
      upsamplers.add(doubling.get());
    }
  }

  @Override
  public Tensor forward(Tensor x, Told told, Skips skips) {
    Tensor h = x;
    for (int i = 0; i < resnets.size(); i++) {
      try (Tensor joined = skips.join(h)) {
        h = layer(i, joined, told);
      }
    }
    for (Resampler upsampler : upsamplers) {
      try (Tensor before = h) {
        h = doubled(upsampler, before, told, skips);
      }
    }
    return h;
  }

  /** Doubles to the size of the next skip, which may be odd since halving rounds up. */
  private static Tensor doubled(Resampler upsampler, Tensor x, Told told, Skips skips) {
    if (upsampler instanceof Resampler.DoublingConv conv) {
      Tensor next = skips.next();
      return conv.forward(x, next.size(2), next.size(3));
    }
    return upsampler.forward(x, told);
  }

  private Tensor layer(int i, Tensor x, Told told) {
    return checkpointed(in -> compute(i, in.get(0), told.again(in)), told.beside(x));
  }

  private Tensor compute(int i, Tensor x, Told told) {
    try (Scope scope = Scope.open()) {
      Tensor h = resnets.get(i).forward(x, told);
      return scope.keep(attentions.isEmpty() ? h : attentions.get(i).forward(h, told));
    }
  }
}
