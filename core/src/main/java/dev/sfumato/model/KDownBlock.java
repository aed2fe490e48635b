package dev.sfumato.model;

import dev.sfumato.nn.Module;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;

/**
 * A level of a k-diffusion U-Net on the way down: adaptive residual blocks, each with attention or
 * not, then a FIR filter that halves. The halved features are no skip.
 */
final class KDownBlock extends Module implements DownBlock {
  /** Channels in a group of a normalisation. */
  static final int GROUP = 32;

  private final List<KResnetBlock> resnets = new ArrayList<>();
  private final List<KAttention> attentions = new ArrayList<>();
  private final boolean last;

  KDownBlock(UNet2DConfig config, Place place, boolean attention) {
    int out = place.out();
    last = place.last();
    for (int i = 0; i < config.layersPerBlock(); i++) {
      int in = i == 0 ? place.in() : out;
      resnets.add(
          new KResnetBlock(config, new KResnetBlock.Shape(in, out, out, in / GROUP, out / GROUP)));
      if (attention) {
        attentions.add(new KAttention(config, out, last));
      }
    }
  }

  @Override
  public Tensor forward(Tensor x, Told told, Skips skips) {
    Tensor h = x;
    for (int i = 0; i < resnets.size(); i++) {
      h = layer(i, h, told.time());
      if (last && !attentions.isEmpty()) {
        skips.pushNothing();
      } else {
        skips.push(h);
      }
    }
    return last ? h : FirFilter.halfMirrored(h);
  }

  private Tensor layer(int i, Tensor x, Tensor time) {
    return checkpointed(in -> layer(i, in), x, time);
  }

  private Tensor layer(int i, List<Tensor> in) {
    try (Scope scope = Scope.open()) {
      Tensor h = resnets.get(i).forward(in.get(0), in.get(1));
      return scope.keep(attentions.isEmpty() ? h : attentions.get(i).forward(h, in.get(1)));
    }
  }
}
