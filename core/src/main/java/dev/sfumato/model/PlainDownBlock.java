package dev.sfumato.model;

import dev.sfumato.nn.Module;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;

/** Residual blocks, each followed by attention or not, then a layer that halves. */
final class PlainDownBlock extends Module implements DownBlock {
  private final List<Attention> attentions = new ArrayList<>();
  private final List<ResnetBlock> resnets = new ArrayList<>();
  private final List<Resampler> downsamplers = new ArrayList<>();

  PlainDownBlock(UNet2DConfig config, Place place, boolean attention, boolean resnetHalves) {
    int out = place.out();
    for (int i = 0; i < config.layersPerBlock(); i++) {
      int in = i == 0 ? place.in() : out;
      resnets.add(new ResnetBlock(config, ResnetBlock.Shape.of(config, in, out)));
      if (attention) {
        attentions.add(Attention.normed(config, out, config.groups(out), 1));
      }
    }
    if (!place.last()) {
      downsamplers.add(
          resnetHalves
              ? new ResnetBlock(
                  config, ResnetBlock.Shape.of(config, out, out).resampled(Resampler::half))
              : new Resampler.HalvingConv(out, config.downsamplePadding()));
    }
  }

  @Override
  public Tensor forward(Tensor x, Tensor time, Skips skips) {
    Tensor h = x;
    for (int i = 0; i < resnets.size(); i++) {
      h = skips.push(layer(i, h, time));
    }
    for (Resampler downsampler : downsamplers) {
      h = skips.push(downsampler.forward(h, time));
    }
    return h;
  }

  private Tensor layer(int i, Tensor x, Tensor time) {
    return checkpointed(in -> layer(i, in), x, time);
  }

  private Tensor layer(int i, List<Tensor> in) {
    try (Scope scope = Scope.open()) {
      Tensor h = resnets.get(i).forward(in.get(0), in.get(1));
      return scope.keep(attentions.isEmpty() ? h : attentions.get(i).forward(h));
    }
  }
}
