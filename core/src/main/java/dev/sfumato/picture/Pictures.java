package dev.sfumato.picture;

import dev.sfumato.tensor.Tensor;
import java.awt.image.BufferedImage;

/** Converts tensors of pictures to images. */
public final class Pictures {
  private static final int SMALL = 64;

  private Pictures() {}

  /**
   * Arranges pictures in a grid, row by row; small ones are enlarged twice.
   *
   * @param images (N, C, H, W) in [-1, 1], with C 1 or 3; values outside are clamped
   */
  public static BufferedImage grid(Tensor images, int rows) {
    return draw(PictureGrid.ofRows(rows).scaledBy(images.size(3) < SMALL ? 2 : 1), images);
  }

  /** Converts one picture (1, C, H, W), pixel by pixel. */
  public static BufferedImage plain(Tensor image) {
    return draw(PictureGrid.ofRows(1), image);
  }

  private static BufferedImage draw(PictureGrid grid, Tensor images) {
    return grid.draw(
        images.toFloats(),
        (int) images.size(0),
        (int) images.size(1),
        (int) images.size(2),
        (int) images.size(3));
  }

  /** Returns the number of rows for a nearly square grid of {@code count} pictures. */
  public static int squareRows(int count) {
    return (int) Math.max(1, Math.floor(Math.sqrt(count)));
  }
}
