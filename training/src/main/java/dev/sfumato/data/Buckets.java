package dev.sfumato.data;

import dev.sfumato.picture.Size;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.TreeSet;

/**
 * Sizes in several proportions for pictures to train on, as in kohya's scripts: none has more
 * pixels than the square of the resolution, edges are multiples of a step, from half to twice the
 * resolution. A batch has pictures of one bucket.
 *
 * @param sizes from the widest to the tallest
 */
public record Buckets(List<Size> sizes) {
  private static final int LARGEST_STEP = 64;
  private static final int SMALLEST_STEP = 8; // pixels of a latent

  private static final Comparator<Size> WIDEST_FIRST =
      Comparator.comparingDouble(Buckets::proportion).reversed().thenComparing(Size::area);

  /**
   * Returns the buckets of a resolution. The step is 64 pixels, and for resolutions below 512 an
   * eighth of the resolution in multiples of 8.
   */
  public static Buckets of(int resolution) {
    int eighth = resolution / 8 / SMALLEST_STEP * SMALLEST_STEP;
    int step = Math.min(LARGEST_STEP, Math.max(SMALLEST_STEP, eighth));
    int least = Math.max(step, resolution / 2 / step * step);
    int most = Math.max(step, 2 * resolution / step * step);
    long area = (long) resolution * resolution;
    TreeSet<Size> sizes = new TreeSet<>(WIDEST_FIRST);
    int side = Math.max(step, resolution / step * step);
    sizes.add(new Size(side, side));
    for (int width = least; width <= most; width += step) {
      int height = (int) Math.min(most, area / width / step * step);
      if (height >= least) {
        sizes.add(new Size(height, width));
        sizes.add(new Size(width, height));
      }
    }
    return new Buckets(List.copyOf(sizes));
  }

  /**
   * Returns the buckets for pictures of some sizes.
   *
   * @return empty if the pictures are to be squares
   */
  static Optional<Buckets> chosen(DataOptions options, Collection<Size> pictures) {
    Bucketing asked = options.texts().buckets();
    if (asked == Bucketing.OFF || asked == Bucketing.AUTO && !options.texts().required()) {
      return Optional.empty();
    }
    Buckets all = of(options.side());
    boolean alike = pictures.stream().map(all::nearest).distinct().count() < 2;
    return asked == Bucketing.AUTO && alike ? Optional.empty() : Optional.of(all);
  }

  /** Returns the bucket whose proportions are nearest to those of a picture. */
  public Size nearest(Size picture) {
    return sizes.stream()
        .min(
            Comparator.comparingDouble(
                size -> Math.abs(Math.log(proportion(size) / proportion(picture)))))
        .orElseThrow();
  }

  private static double proportion(Size size) {
    return (double) size.width() / size.height();
  }
}
