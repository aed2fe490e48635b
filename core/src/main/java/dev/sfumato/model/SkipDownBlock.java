package dev.sfumato.model;

import dev.sfumato.nn.Conv2d;
import dev.sfumato.nn.Module;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;

/**
 * A level of NCSN++ (Song et al., 2021, appendix H) on the way down: residual blocks whose output
 * is divided by sqrt(2), with attention or not; then features and picture are both halved by a FIR
 * filter, and the picture, through a 1 x 1 convolution, is added to the features.
 */
final class SkipDownBlock extends Module implements DownBlock {
  /** Keeps the variance of a sum of two. */
  static final double SCALE = Math.sqrt(2);

  /** Groups of the attention's normalisation, whatever the configuration says. */
  static final int ATTENTION_GROUPS = 32;

  private final List<Attention> attentions = new ArrayList<>();
  private final List<ResnetBlock> resnets = new ArrayList<>();
  private final ResnetBlock resnetDown;
  private final Conv2d skipConv;

  SkipDownBlock(UNet2DConfig config, Place place, boolean attention) {
    int out = place.out();
    for (int i = 0; i < config.layersPerBlock(); i++) {
      int in = i == 0 ? place.in() : out;
      resnets.add(
          new ResnetBlock(
              config.resnet(),
              ResnetBlock.Shape.of(in, out, groups(in), groups(out)).scaled(SCALE)));
      if (attention) {
        attentions.add(Attention.normed(config, out, ATTENTION_GROUPS, SCALE));
      }
    }
    resnetDown =
        place.last()
            ? null
            : new ResnetBlock(config.resnet(), resampling(out).resampled(FirFilter::half));
    skipConv = place.last() ? null : new Conv2d(UNet2DRules.PICTURE_CHANNELS, out, 1, 1, 0);
  }

  /** Groups of a normalisation over {@code channels} in skip blocks. */
  static int groups(int channels) {
    return Math.min(channels / 4, 32);
  }

  /** The residual block that resamples. */
  static ResnetBlock.Shape resampling(int channels) {
    int groups = groups(channels);
    return ResnetBlock.Shape.of(channels, channels, groups, groups).scaled(SCALE).withShortcut();
  }

  @Override
  public Tensor forward(Tensor x, Told told, Skips skips) {
    Tensor h = x;
    for (int i = 0; i < resnets.size(); i++) {
      h = skips.push(layer(i, h, told));
    }
    if (resnetDown == null) {
      return h;
    }
    Tensor picture = FirFilter.half(skips.picture().orElseThrow());
    skips.picture(picture);
    Tensor features = h;
    return skips.push(
        Scope.run(() -> skipConv.forward(picture).add_(resnetDown.forward(features, told), 1)));
  }

  private Tensor layer(int i, Tensor x, Told told) {
    return checkpointed(in -> compute(i, in.get(0), told.again(in)), told.beside(x));
  }

  private Tensor compute(int i, Tensor x, Told told) {
    try (Scope scope = Scope.open()) {
      Tensor h = resnets.get(i).forward(x, told);
      return scope.keep(attentions.isEmpty() ? h : attentions.get(i).forward(h));
    }
  }
}
