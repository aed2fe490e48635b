package dev.sfumato.model;

import dev.sfumato.tensor.Tensor;
import java.util.List;

/** One level on the way up. */
sealed interface UpBlock permits PlainUpBlock, SkipUpBlock, KUpBlock {
  /**
   * Maps features (B, before, H, W) to (B, out, 2H, 2W), or (B, out, H, W) at the last level. Frees
   * {@code x}.
   *
   * @param skips the features from the way down; the block frees those it takes
   */
  Tensor forward(Tensor x, Told told, Skips skips);

  /**
   * The place of a block.
   *
   * @param finer channels of the finer level that follows, or of this one if it is the last
   * @param before channels of the features that come in
   * @param out channels of this level
   * @param last whether this is the finest level, which does not double
   */
  record Place(int finer, int before, int out, boolean last) {}

  /** The names of all kinds of blocks. */
  List<String> TYPES =
      List.of(
          "UpBlock2D",
          "AttnUpBlock2D",
          "ResnetUpsampleBlock2D",
          "SkipUpBlock2D",
          "AttnSkipUpBlock2D",
          "KUpBlock2D",
          "KCrossAttnUpBlock2D");

  /** Makes a block by its name, one of {@link #TYPES}. */
  static UpBlock of(String type, UNet2DConfig config, Place place) {
    boolean resnet = config.upsampleType().orElse("conv").equals("resnet");
    return switch (type) {
      case "UpBlock2D" -> plain(config, place, false, false);
      case "AttnUpBlock2D" -> plain(config, place, true, resnet);
      case "ResnetUpsampleBlock2D" -> plain(config, place, false, true);
      case "SkipUpBlock2D" -> new SkipUpBlock(config, place, false);
      case "AttnSkipUpBlock2D" -> new SkipUpBlock(config, place, true);
      case "KUpBlock2D" -> new KUpBlock(config, place, false);
      case "KCrossAttnUpBlock2D" -> new KUpBlock(config, place, true);
      default -> throw new IllegalArgumentException(type);
    };
  }

  private static UpBlock plain(
      UNet2DConfig config, Place place, boolean attention, boolean resnetDoubles) {
    int out = place.out();
    Layers layers = config.layers();
    return new PlainUpBlock(
        place,
        layers.withCount(layers.count() + 1),
        attention ? i -> Attention.normed(config, out, config.groups(out), 1) : null,
        () -> resnetDoubles ? layers.doubling(out) : new Resampler.DoublingConv(out));
  }
}
