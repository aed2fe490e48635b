package dev.sfumato.model;

import dev.sfumato.nn.Module;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;

/**
 * A level of a k-diffusion U-Net on the way up: the last skip of the level is concatenated once,
 * then come adaptive residual blocks, each with attention or not, and a FIR filter that doubles.
 * The last residual block goes to the channels of the finer level.
 */
final class KUpBlock extends Module implements UpBlock {
  private final List<KResnetBlock> resnets = new ArrayList<>();
  private final List<KAttention> attentions = new ArrayList<>();
  private final boolean last;

  KUpBlock(UNet2DConfig config, Place place, boolean attention) {
    int out = place.out();
    int finer = place.finer();
    // diffusers takes a level for the coarsest, which gets no skip, by these sizes.
    boolean first = attention && finer == out && out == config.timeChannels();
    last = place.last();
    int layers = config.layersPerBlock();
    for (int i = 0; i < layers; i++) {
      boolean lastLayer = i == layers - 1;
      int in = i == 0 && !first ? 2 * out : out;
      int to = lastLayer ? finer : out;
      int middle = attention ? out : to;
      resnets.add(
          new KResnetBlock(
              config,
              new KResnetBlock.Shape(
                  in, middle, to, in / KDownBlock.GROUP, out / KDownBlock.GROUP)));
      if (attention) {
        attentions.add(new KAttention(config, to, first));
      }
    }
  }

  @Override
  public Tensor forward(Tensor x, Told told, Skips skips) {
    Tensor h = skips.joinLastOf(resnets.size(), x);
    for (int i = 0; i < resnets.size(); i++) {
      try (Tensor before = h) {
        h = layer(i, before, told.time());
      }
    }
    if (last) {
      return h;
    }
    try (Tensor before = h) {
      return FirFilter.twiceMirrored(before);
    }
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
