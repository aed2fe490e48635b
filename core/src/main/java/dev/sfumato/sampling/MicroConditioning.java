package dev.sfumato.sampling;

import static dev.sfumato.InvalidOptionException.require;

import dev.sfumato.InvalidOptionException;
import dev.sfumato.picture.Size;
import java.util.Optional;

/**
 * The sizes and the crop that Stable Diffusion XL is told with each picture (Podell et al., 2023,
 * <a href="https://arxiv.org/abs/2307.01952">arXiv:2307.01952</a>, section 2.2). In training they
 * described the files that it learned from. A drawn picture looks as if it came from such a file.
 *
 * @param originalSize the size before scaling and cropping; that of the drawn picture if empty
 * @param cropTop the pixels that were cut off above, at least 0
 * @param cropLeft the pixels that were cut off on the left, at least 0
 * @param targetSize the size after it; that of the drawn picture if empty. The refiner does not
 *     read it
 */
public record MicroConditioning(
    Optional<Size> originalSize, int cropTop, int cropLeft, Optional<Size> targetSize) {
  /** The size of the drawn picture, without a crop. */
  public static final MicroConditioning NONE =
      new MicroConditioning(Optional.empty(), 0, 0, Optional.empty());

  /**
   * @throws InvalidOptionException if a number is out of range
   */
  public MicroConditioning {
    requirePixels("originalSize", originalSize);
    requirePixels("targetSize", targetSize);
    require(cropTop >= 0, "`cropTop` must be at least 0, not " + cropTop);
    require(cropLeft >= 0, "`cropLeft` must be at least 0, not " + cropLeft);
  }

  private static void requirePixels(String property, Optional<Size> size) {
    require(
        size.stream().allMatch(s -> Math.min(s.height(), s.width()) >= 1),
        "`" + property + "` must be at least 1 x 1, not " + size.orElse(null));
  }
}
