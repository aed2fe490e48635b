package dev.sfumato.model;

import dev.sfumato.tensor.Tensor;
import java.util.List;

/** One level on the way down. */
sealed interface DownBlock permits PlainDownBlock, SkipDownBlock, KDownBlock {
  /**
   * Maps features (B, in, H, W) to (B, out, H/2, W/2), or (B, out, H, W) at the last level.
   *
   * @param skips gets the features for the way up
   */
  Tensor forward(Tensor x, Told told, Skips skips);

  /**
   * The place of a block: channels before and after it, and whether it is the last, which does not
   * halve.
   */
  record Place(int in, int out, boolean last) {}

  /** The names of all kinds of blocks. */
  List<String> TYPES =
      List.of(
          "DownBlock2D",
          "AttnDownBlock2D",
          "ResnetDownsampleBlock2D",
          "SkipDownBlock2D",
          "AttnSkipDownBlock2D",
          "KDownBlock2D",
          "KCrossAttnDownBlock2D");

  /** Makes a block by its name, one of {@link #TYPES}. */
  static DownBlock of(String type, UNet2DConfig config, Place place) {
    boolean resnet = config.downsampleType().orElse("conv").equals("resnet");
    return switch (type) {
      case "DownBlock2D" -> plain(config, place, false, false);
      case "AttnDownBlock2D" -> plain(config, place, true, resnet);
      case "ResnetDownsampleBlock2D" -> plain(config, place, false, true);
      case "SkipDownBlock2D" -> new SkipDownBlock(config, place, false);
      case "AttnSkipDownBlock2D" -> new SkipDownBlock(config, place, true);
      case "KDownBlock2D" -> new KDownBlock(config, place, false);
      case "KCrossAttnDownBlock2D" -> new KDownBlock(config, place, true);
      default -> throw new IllegalArgumentException(type);
    };
  }

  private static DownBlock plain(
      UNet2DConfig config, Place place, boolean attention, boolean resnetHalves) {
    int out = place.out();
    Layers layers = config.layers();
    return new PlainDownBlock(
        place,
        layers,
        attention ? i -> Attention.normed(config, out, config.groups(out), 1) : null,
        () ->
            resnetHalves
                ? layers.halving(out)
                : new Resampler.HalvingConv(out, config.downsamplePadding()));
  }
}
