package dev.sfumato.model;

import dev.sfumato.nn.Module;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;

/** Residual blocks on features and skips, each with attention or not, then a layer that doubles. */
final class PlainUpBlock extends Module implements UpBlock {
  private final List<Attention> attentions = new ArrayList<>();
  private final List<ResnetBlock> resnets = new ArrayList<>();
  private final List<Resampler> upsamplers = new ArrayList<>();

  PlainUpBlock(UNet2DConfig config, Place place, boolean attention, boolean resnetDoubles) {
    int out = place.out();
    int layers = config.layersPerBlock() + 1;
    for (int i = 0; i < layers; i++) {
      int in = (i == 0 ? place.before() : out) + (i == layers - 1 ? place.finer() : out);
      resnets.add(new ResnetBlock(config, ResnetBlock.Shape.of(config, in, out)));
      if (attention) {
        attentions.add(Attention.normed(config, out, config.groups(out), 1));
      }
    }
    if (!place.last()) {
      upsamplers.add(
          resnetDoubles
              ? new ResnetBlock(
                  config, ResnetBlock.Shape.of(config, out, out).resampled(Resampler::twice))
              : new Resampler.DoublingConv(out));
    }
  }

  @Override
  public Tensor forward(Tensor x, Tensor time, Skips skips) {
    Tensor h = x;
    for (int i = 0; i < resnets.size(); i++) {
      try (Tensor joined = skips.join(h)) {
        h = layer(i, joined, time);
      }
    }
    for (Resampler upsampler : upsamplers) {
      try (Tensor before = h) {
        h = upsampler.forward(before, time);
      }
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
