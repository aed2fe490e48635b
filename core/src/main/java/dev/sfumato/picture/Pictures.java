package dev.sfumato.picture;

import dev.sfumato.tensor.Tensor;
import java.awt.image.BufferedImage;

/** Tensors of pictures as images. */
public final class Pictures {
  private static final int SMALL = 64;

  private Pictures() {}

  /**
   * Pictures side by side, row by row; small ones are enlarged twice.
   *
   * @param images (N, C, H, W) in [-1, 1], C being 1 or 3; values outside are limited
   */
  public static BufferedImage grid(Tensor images, int rows) {
    return draw(PictureGrid.ofRows(rows).scaledBy(images.size(3) < SMALL ? 2 : 1), images);
  }

  /** One picture (1, C, H, W), pixel by pixel. */
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

  /** The number of rows that makes a grid of {@code count} pictures about square. */
  public static int squareRows(int count) {
    return (int) Math.max(1, Math.floor(Math.sqrt(count)));
  }
}
