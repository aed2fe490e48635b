package dev.sfumato.picture;

import dev.sfumato.SfumatoException;
import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.image.BufferedImage;
import java.awt.image.WritableRaster;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Arranges pictures in rows, with black lines between and around them. A single picture gets no
 * lines.
 *
 * @param rows the number of rows; there are {@code ceil(count / rows)} columns
 * @param padding width of the lines in pixels of the result
 * @param scale side of the square for each pixel of a picture
 */
public record PictureGrid(int rows, int padding, int scale) {
  /** Checks the numbers. */
  public PictureGrid {
    if (rows < 1 || padding < 0 || scale < 1) {
      throw new SfumatoException(
          "a picture grid needs rows >= 1, padding >= 0 and scale >= 1, not "
              + rows
              + ", "
              + padding
              + " and "
              + scale);
    }
  }

  /** Makes a grid with lines of 2 pixels whose pictures keep their size. */
  public static PictureGrid ofRows(int rows) {
    return new PictureGrid(rows, 2, 1);
  }

  /** Returns the same grid with every picture enlarged {@code scale} times. */
  public PictureGrid scaledBy(int scale) {
    return new PictureGrid(rows, padding, scale);
  }

  /**
   * Draws pictures. A value {@code x} becomes {@code round(255 * clamp(x / 2 + 0.5, 0, 1))} in
   * float32; halves round to the even neighbour.
   *
   * @param pictures the values (count, channels, height, width), -1 black to 1 white
   * @param channels 1 for gray, which gives an 8-bit gray image, 3 for RGB, or 4 for RGB and
   *     opacity, whose lines are transparent
   * @throws SfumatoException if there is no picture, a value is NaN, the shape does not match the
   *     number of values, or the result is larger than an image can be
   */
  public BufferedImage draw(float[] pictures, int count, int channels, int height, int width) {
    check(pictures, count, channels, height, width);
    int columns = (count + rows - 1) / rows;
    int lines = (count + columns - 1) / columns;
    int pad = count == 1 ? 0 : padding;
    long gridWidth = columns * ((long) width * scale + pad) + pad;
    long gridHeight = lines * ((long) height * scale + pad) + pad;
    if ((double) gridWidth * gridHeight * channels > Integer.MAX_VALUE) {
      throw new SfumatoException(
          "a picture grid of "
              + gridWidth
              + " x "
              + gridHeight
              + " pixels is too large; ask for fewer pictures or a smaller scale");
    }
    BufferedImage image =
        new BufferedImage(
            (int) gridWidth,
            (int) gridHeight,
            switch (channels) {
              case 1 -> BufferedImage.TYPE_BYTE_GRAY;
              case 3 -> BufferedImage.TYPE_INT_RGB;
              default -> BufferedImage.TYPE_INT_ARGB;
            });
    // The raster stores gray levels unchanged; setRGB would apply a colour profile.
    WritableRaster raster = image.getRaster();
    int plane = height * width;
    for (int n = 0; n < count; n++) {
      int left = left(n, count, width);
      int top = top(n, count, height);
      for (int c = 0; c < channels; c++) {
        drawPlane(raster, c, left, top, pictures, (n * channels + c) * plane, height, width);
      }
    }
    return image;
  }

  private int left(int n, int count, int width) {
    int columns = (count + rows - 1) / rows;
    return count == 1 ? 0 : padding + n % columns * (width * scale + padding);
  }

  private int top(int n, int count, int height) {
    int columns = (count + rows - 1) / rows;
    return count == 1 ? 0 : padding + n / columns * (height * scale + padding);
  }

  /** Paints picture {@code n} of {@code count} black in an image that {@link #draw} made. */
  void blacken(BufferedImage image, int n, int count, int height, int width) {
    Graphics2D canvas = image.createGraphics();
    canvas.setColor(Color.BLACK);
    canvas.fillRect(left(n, count, width), top(n, count, height), width * scale, height * scale);
    canvas.dispose();
  }

  /** Returns the {@code count} pictures of an image that {@link #draw} made, enlarged as there. */
  List<BufferedImage> cut(BufferedImage image, int count) {
    int columns = (count + rows - 1) / rows;
    int lines = (count + columns - 1) / columns;
    int pad = count == 1 ? 0 : padding;
    int width = (image.getWidth() - pad) / columns;
    int height = (image.getHeight() - pad) / lines;
    return IntStream.range(0, count)
        .mapToObj(
            n ->
                image.getSubimage(
                    pad + n % columns * width,
                    pad + n / columns * height,
                    width - pad,
                    height - pad))
        .toList();
  }

  private void drawPlane(
      WritableRaster raster,
      int band,
      int left,
      int top,
      float[] values,
      int offset,
      int height,
      int width) {
    int[] line = new int[width * scale];
    for (int y = 0; y < height; y++) {
      for (int x = 0; x < width; x++) {
        Arrays.fill(line, x * scale, (x + 1) * scale, level(values[offset + y * width + x]));
      }
      for (int repeat = 0; repeat < scale; repeat++) {
        raster.setSamples(left, top + y * scale + repeat, line.length, 1, band, line);
      }
    }
  }

  static int level(float x) {
    return (int) Math.rint(255f * Math.max(0f, Math.min(1f, x / 2 + 0.5f)));
  }

  private static void check(float[] pictures, int count, int channels, int height, int width) {
    if (count < 1 || height < 1 || width < 1 || (channels != 1 && channels != 3 && channels != 4)) {
      throw new SfumatoException(
          "cannot draw pictures of shape "
              + shape(count, channels, height, width)
              + ": at least one picture with 1, 3 or 4 channels is needed");
    }
    if ((double) count * channels * height * width != pictures.length) {
      throw new SfumatoException(
          "pictures of shape "
              + shape(count, channels, height, width)
              + " do not have "
              + pictures.length
              + " values");
    }
    for (int i = 0; i < pictures.length; i++) {
      if (Float.isNaN(pictures[i])) {
        throw new SfumatoException(
            "picture "
                + (i / (pictures.length / count) + 1)
                + " holds values that are not numbers");
      }
    }
  }

  private static String shape(int... sizes) {
    return Arrays.toString(sizes).replace('[', '(').replace(']', ')');
  }
}
