package dev.sfumato.model;

import dev.sfumato.nn.Conv2d;
import dev.sfumato.nn.GroupNorm;
import dev.sfumato.nn.Module;
import dev.sfumato.tensor.Functional;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;

/**
 * A level of NCSN++ (Song et al., 2021, appendix H) on the way up: residual blocks on features and
 * skips, with one attention after them or none; then each level adds its part of the picture, which
 * is doubled by a FIR filter from level to level, and the features are doubled likewise.
 */
final class SkipUpBlock extends Module implements UpBlock {
  private final List<Attention> attentions;
  private final List<ResnetBlock> resnets = new ArrayList<>();
  private final ResnetBlock resnetUp;
  private final Conv2d skipConv;
  private final GroupNorm skipNorm;

  SkipUpBlock(UNet2DConfig config, Place place, boolean attention) {
    int out = place.out();
    int layers = config.layersPerBlock() + 1;
    for (int i = 0; i < layers; i++) {
      int before = i == 0 ? place.before() : out;
      int skip = i == layers - 1 ? place.finer() : out;
      // In diffusers the block with attention lacks a pair of brackets here, and checkpoints have
      // been trained with that.
      int in = before + skip;
      int groups = attention ? Math.min(before + skip / 4, 32) : SkipDownBlock.groups(in);
      ResnetBlock.Shape shape = ResnetBlock.Shape.of(in, out, groups, SkipDownBlock.groups(out));
      resnets.add(new ResnetBlock(config.resnet(), shape.scaled(SkipDownBlock.SCALE)));
    }
    attentions =
        attention
            ? List.of(
                Attention.normed(config, out, SkipDownBlock.ATTENTION_GROUPS, SkipDownBlock.SCALE))
            : List.of();
    boolean last = place.last();
    resnetUp =
        last
            ? null
            : new ResnetBlock(
                config.resnet(), SkipDownBlock.resampling(out).resampled(FirFilter::twice));
    skipConv = last ? null : new Conv2d(out, UNet2DRules.PICTURE_CHANNELS, 3, 1, 1);
    skipNorm = last ? null : new GroupNorm(SkipDownBlock.groups(out), out, config.normEps());
  }

  @Override
  public Tensor forward(Tensor x, Told told, Skips skips) {
    Tensor h = x;
    for (ResnetBlock resnet : resnets) {
      try (Tensor joined = skips.join(h)) {
        h = checkpointed(in -> resnet.forward(in.get(0), told.again(in)), told.beside(joined));
      }
    }
    for (Attention attention : attentions) {
      try (Tensor before = h) {
        h = checkpointed(in -> attention.forward(in.get(0)), before);
      }
    }
    skips.picture().ifPresent(picture -> skips.picture(FirFilter.twice(picture)));
    if (resnetUp == null) {
      return h;
    }
    try (Tensor before = h) {
      Tensor part = picture(before);
      skips.picture(skips.picture().map(picture -> picture.add(part)).orElse(part));
      return resnetUp.forward(before, told);
    }
  }

  /** This level's part of the picture. */
  private Tensor picture(Tensor h) {
    return Scope.run(() -> skipConv.forward(Functional.silu(skipNorm.forward(h))));
  }
}
