package dev.sfumato.guidance;

import dev.sfumato.SfumatoException;
import dev.sfumato.tensor.Functional;
import dev.sfumato.tensor.Tensor;
import java.util.Arrays;
import java.util.Locale;

/**
 * Towards a picture: the mean absolute difference between the pixels. With {@code lowPass} above 1
 * only means over squares of so many pixels are compared, so that the coarse layout is the
 * picture's and the detail the model's (after ILVR, Choi et al. 2021, arXiv 2108.02938).
 *
 * @param picture (1 or B, C, H, W) in [-1, 1], on the network's device; not copied
 * @param lowPass the side of the squares in pixels, from 1
 */
public record ReferenceGuide(Tensor picture, int lowPass) implements Guide {
  /**
   * @throws SfumatoException if the squares do not fit into the picture
   */
  public ReferenceGuide {
    if (lowPass < 1 || lowPass > Math.min(picture.size(2), picture.size(3))) {
      throw new SfumatoException("low-pass must lie between 1 and the picture's side");
    }
  }

  @Override
  public Tensor loss(Tensor predictedX0, Moment at) {
    long[] drawn = predictedX0.shape();
    drawn[0] = picture.size(0);
    if (!Arrays.equals(picture.shape(), drawn)) {
      throw new SfumatoException(
          String.format(
              Locale.ROOT,
              "the reference picture is %s, but the model draws %s",
              Arrays.toString(picture.shape()),
              Arrays.toString(drawn)));
    }
    return coarse(predictedX0).sub(coarse(picture)).abs().mean();
  }

  private Tensor coarse(Tensor pictures) {
    return lowPass == 1 ? pictures : Functional.avgPool2d(pictures, lowPass);
  }
}
