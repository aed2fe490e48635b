package dev.sfumato.picture;

import dev.sfumato.tensor.Tensor;
import java.awt.image.BufferedImage;
import java.util.List;

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
    return draw(gridOf(images, rows), images);
  }

  /** Paints picture {@code n} black in a {@link #grid} of pictures like {@code images}. */
  public static void blacken(BufferedImage grid, Tensor images, int rows, int n) {
    gridOf(images, rows)
        .blacken(grid, n, (int) images.size(0), (int) images.size(2), (int) images.size(3));
  }

  /** Returns the {@code count} pictures of a {@link #grid}, row by row, enlarged as there. */
  public static List<BufferedImage> cut(BufferedImage grid, int count, int rows) {
    return PictureGrid.ofRows(rows).cut(grid, count);
  }

  private static PictureGrid gridOf(Tensor images, int rows) {
    return PictureGrid.ofRows(rows).scaledBy(images.size(3) < SMALL ? 2 : 1);
  }

  /** Converts one picture (1, C, H, W), pixel by pixel. */
  public static BufferedImage plain(Tensor image) {
    return draw(PictureGrid.ofRows(1), image);
  }

  /** Converts one picture (1, C, H, W) with C 1 or 3, rounded as in {@link #plain}. */
  public static Pixels pixels(Tensor image) {
    float[] values = image.toFloats();
    byte[] levels = new byte[values.length];
    for (int i = 0; i < levels.length; i++) {
      levels[i] = (byte) PictureGrid.level(values[i]);
    }
    return new Pixels((int) image.size(1), (int) image.size(2), (int) image.size(3), levels);
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
