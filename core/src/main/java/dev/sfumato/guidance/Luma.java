package dev.sfumato.guidance;

import dev.sfumato.SfumatoException;
import dev.sfumato.tensor.Constant;
import dev.sfumato.tensor.Tensor;
import java.util.Locale;

/** Brightness of pixels: 0.299 R + 0.587 G + 0.114 B (ITU-R 601-2), or gray unchanged. */
final class Luma {
  private static final float[] WEIGHTS = {0.299f, 0.587f, 0.114f};

  private Luma() {}

  /** Returns luma (B, 1, H, W) of pictures (B, 1 or 3, H, W), in their range. */
  static Tensor of(Tensor pictures) {
    if (pictures.size(1) == 1) {
      return pictures;
    }
    requireRgb(pictures);
    Tensor weights = Constant.on(pictures.device(), WEIGHTS, 1, 3, 1, 1);
    return pictures.mul(weights).mean(true, 1).mul(3);
  }

  static void requireRgb(Tensor pictures) {
    if (pictures.size(1) != 3) {
      throw new SfumatoException(
          String.format(
              Locale.ROOT,
              "this guide is for RGB pictures, but the model's have %d channels",
              pictures.size(1)));
    }
  }

  /**
   * Checks a guide's target.
   *
   * @throws SfumatoException if it does not lie between 0 and 1
   */
  static void requireShare(String name, double target) {
    if (!(target >= 0 && target <= 1)) {
      throw new SfumatoException(name + " must lie between 0 and 1, not at " + target);
    }
  }
}
