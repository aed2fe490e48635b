package dev.sfumato.guidance;

import dev.sfumato.SfumatoException;
import dev.sfumato.scheduler.Run;
import dev.sfumato.scheduler.Step;
import dev.sfumato.tensor.Rng;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.util.Arrays;
import java.util.Locale;

/**
 * Pictures that are known in part (RePaint, Lugmayr et al. 2022, arXiv 2201.09865, eq. 8): before
 * each step the known pixels are what noise makes of them at that step, and at the end they are
 * exactly themselves.
 *
 * @param picture (1 or B, C, H, W) in [-1, 1], on the network's device
 * @param redraw (1 or B, 1, H, W) bool: which pixels are to be drawn
 */
public record Inpainting(Tensor picture, Tensor redraw) {
  /**
   * @throws SfumatoException if the mask is of another size
   */
  public Inpainting {
    if (picture.size(2) != redraw.size(2) || picture.size(3) != redraw.size(3)) {
      throw new SfumatoException(
          String.format(
              Locale.ROOT,
              "the mask is %d x %d pixels, but the picture %d x %d",
              redraw.size(3),
              redraw.size(2),
              picture.size(3),
              picture.size(2)));
    }
  }

  /** {@code x} at {@code step} with what noise makes of the known pixels there. */
  Tensor at(Run run, Step step, Tensor x, Rng random) {
    requireFits(x);
    return Scope.run(
        () -> {
          Tensor noise = random.normal(x.shape()).to(x.device());
          return x.where(redraw, run.addNoise(picture, noise, step));
        });
  }

  Tensor finish(Tensor x) {
    return x.where(redraw, picture);
  }

  private void requireFits(Tensor x) {
    long[] expected = x.shape();
    expected[0] = picture.size(0);
    if (!Arrays.equals(picture.shape(), expected)) {
      throw new SfumatoException(
          String.format(
              Locale.ROOT,
              "the picture to be completed is %s, but the model draws %s (C, H, W)",
              size(picture),
              size(x)));
    }
  }

  private static String size(Tensor x) {
    return x.size(1) + " x " + x.size(2) + " x " + x.size(3);
  }
}
