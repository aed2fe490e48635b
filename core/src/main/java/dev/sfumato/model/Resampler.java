package dev.sfumato.model;

import dev.sfumato.SfumatoException;
import dev.sfumato.nn.Conv2d;
import dev.sfumato.nn.Module;
import dev.sfumato.tensor.Functional;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;

/** A layer with weights that halves or doubles height and width. */
sealed interface Resampler permits Resampler.HalvingConv, Resampler.DoublingConv, ResnetBlock {
  /** Maps features (B, C, H, W) to features of half or double the size. */
  Tensor forward(Tensor x, Told told);

  /**
   * Halves by a convolution of stride 2; without padding, a zero row and column are added at the
   * end.
   */
  final class HalvingConv extends Module implements Resampler {
    private final Conv2d conv;
    private final boolean padLast;

    HalvingConv(int channels, int padding) {
      conv = new Conv2d(channels, channels, 3, 2, padding);
      padLast = padding == 0;
    }

    @Override
    public Tensor forward(Tensor x, Told told) {
      return Scope.run(() -> conv.forward(padLast ? Functional.pad(x, 0, 1, 0, 1) : x));
    }
  }

  /** Doubles by repeating pixels, then convolves. */
  final class DoublingConv extends Module implements Resampler {
    private final Conv2d conv;

    DoublingConv(int channels) {
      conv = new Conv2d(channels, channels, 3, 1, 1);
    }

    @Override
    public Tensor forward(Tensor x, Told told) {
      return conv.forwardOfDoubled(x);
    }

    /** Resizes to {@code height} x {@code width}, which may be odd where halving has rounded up. */
    Tensor forward(Tensor x, long height, long width) {
      return height == 2 * x.size(2) && width == 2 * x.size(3)
          ? conv.forwardOfDoubled(x)
          : Scope.run(() -> conv.forward(Functional.upsampleNearest(x, height, width)));
    }
  }

  /** Repeats each pixel to 2 x 2. */
  static Tensor twice(Tensor x) {
    return Functional.upsampleNearest(x, 2 * x.size(2), 2 * x.size(3));
  }

  /** Averages each 2 x 2 pixels. */
  static Tensor half(Tensor x) {
    if (x.size(2) < 2 || x.size(3) < 2) {
      throw new SfumatoException(
          "the picture is too small for this U-Net, whose blocks halve it: raise height and width");
    }
    return Functional.avgPool2d(x, 2);
  }
}
