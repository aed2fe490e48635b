package dev.sfumato.data;

import dev.sfumato.picture.Pixels;
import dev.sfumato.picture.Resize;
import dev.sfumato.picture.Size;

/**
 * The size of a picture before and during training. The picture is scaled until it covers the size,
 * and the rest is cropped.
 *
 * @param original the size of the picture, upright
 * @param scaled its size after scaling
 * @param size its size after cropping
 * @param moving whether the place of the crop is drawn for each epoch
 */
public record Frame(Size original, Size scaled, Size size, boolean moving) {
  /** Returns the frame of a picture that is neither scaled nor cropped. */
  static Frame of(Size size) {
    return new Frame(size, size, size, false);
  }

  /**
   * Returns the frame of a picture whose smaller edge is scaled to {@code side} pixels.
   *
   * @param moving whether the place of a crop is drawn for each epoch
   */
  static Frame square(Size original, int side, boolean moving) {
    long shorter = Math.min(original.height(), original.width());
    Size scaled =
        new Size(
            (int) (side * (long) original.height() / shorter),
            (int) (side * (long) original.width() / shorter));
    return of(original, scaled, new Size(side, side), moving);
  }

  /** Returns the frame of a picture that is scaled until it just covers {@code size}. */
  public static Frame covering(Size original, Size size, boolean moving) {
    double scale =
        Math.max(
            (double) size.height() / original.height(), (double) size.width() / original.width());
    int height = (int) Math.max(size.height(), Math.round(original.height() * scale));
    int width = (int) Math.max(size.width(), Math.round(original.width() * scale));
    return of(original, new Size(height, width), size, moving);
  }

  private static Frame of(Size original, Size scaled, Size size, boolean moving) {
    return new Frame(original, scaled, size, moving && !scaled.equals(size));
  }

  /** Returns the middle of the picture. */
  public Crop middle() {
    return new Crop(
        this,
        (int) Math.rint((scaled.height() - size.height()) / 2.0),
        (int) Math.rint((scaled.width() - size.width()) / 2.0));
  }

  /**
   * Returns the middle of the scaled picture, or of its mask, scaled again if another size is asked
   * for.
   */
  public Pixels middle(Pixels pixels, Size asked) {
    Pixels covering = pixels;
    if (!size.equals(asked)) {
      Size own = new Size(pixels.height(), pixels.width());
      Size larger = covering(own, asked, false).scaled();
      covering = Resize.to(pixels, larger.height(), larger.width());
    }
    return covering.centerCrop(asked.height(), asked.width());
  }

  /**
   * Returns what is taken from a picture.
   *
   * @param pixels the scaled picture or, if only its middle is ever taken, its middle
   * @param top the first row of these pixels
   * @param left the first column
   * @param mirrored whether what is taken is mirrored then
   */
  Crop crop(Pixels pixels, int top, int left, boolean mirrored) {
    int above = (int) Math.rint((scaled.height() - pixels.height()) / 2.0);
    int before = (int) Math.rint((scaled.width() - pixels.width()) / 2.0) + left;
    return new Crop(this, above + top, mirrored ? scaled.width() - size.width() - before : before);
  }

  /** Returns the share of the picture that is cropped, in [0, 1). */
  public double cropped() {
    return 1 - (double) size.area() / scaled.area();
  }

  /** Returns whether the picture is smaller than it has to be, and is enlarged. */
  public boolean isEnlarged() {
    return scaled.area() > original.area();
  }
}
