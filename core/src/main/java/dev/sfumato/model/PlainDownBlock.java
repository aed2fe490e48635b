package dev.sfumato.model;

import dev.sfumato.nn.Module;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntFunction;
import java.util.function.Supplier;

/** Residual blocks, each followed by optional attention, then a layer that halves. */
final class PlainDownBlock extends Module implements DownBlock {
  private final List<PixelAttention> attentions = new ArrayList<>();
  private final List<ResnetBlock> resnets = new ArrayList<>();
  private final List<Resampler> downsamplers = new ArrayList<>();

  /**
   * @param attention makes the attention after residual block i, or is null for none
   * @param halving makes the layer that halves, for all levels except the coarsest
   */
  PlainDownBlock(
      Place place,
      Layers layers,
      IntFunction<? extends PixelAttention> attention,
      Supplier<? extends Resampler> halving) {
    for (int i = 0; i < layers.count(); i++) {
      resnets.add(layers.resnet(i == 0 ? place.in() : place.out(), place.out()));
      if (attention != null) {
        attentions.add(attention.apply(i));
      }
    }
    if (!place.last()) {
      downsamplers.add(halving.get());
    }
  }

  @Override
  public Tensor forward(Tensor x, Told told, Skips skips) {
    Tensor h = x;
    for (int i = 0; i < resnets.size(); i++) {
      h = skips.push(layer(i, h, told));
    }
    for (Resampler downsampler : downsamplers) {
      h = skips.push(downsampler.forward(h, told));
    }
    return h;
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
