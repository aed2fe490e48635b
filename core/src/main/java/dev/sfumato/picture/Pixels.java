package dev.sfumato.picture;

import java.awt.image.BufferedImage;
import java.util.Locale;

/**
 * A decoded picture: unsigned bytes in planes, (C, H, W) with C 1 (gray) or 3 (red, green, blue).
 * Operations return new pictures and leave this one unchanged; do not write to {@code values}.
 *
 * @param channels 1 or 3
 * @param height in pixels
 * @param width in pixels
 * @param values the samples, 0 to 255 as unsigned bytes, {@code channels * height * width} of them
 */
public record Pixels(int channels, int height, int width, byte[] values) {
  private static final float[] SIGNED = new float[256];

  static {
    // The same two divisions as in ToTensor and Normalize(0.5, 0.5), so the floats are the same.
    for (int value = 0; value < 256; value++) {
      SIGNED[value] = (value / 255f - 0.5f) / 0.5f;
    }
  }

  /** Checks that the sizes fit the values. */
  public Pixels {
    if (channels != 1 && channels != 3 || (long) channels * height * width != values.length) {
      throw new IllegalArgumentException(
          String.format(
              Locale.ROOT, "(%d, %d, %d) and %d bytes", channels, height, width, values.length));
    }
  }

  /** Returns the sample at (channel, row, column), 0 to 255. */
  public int at(int channel, int row, int column) {
    return values[(channel * height + row) * width + column] & 0xff;
  }

  /** Returns the part of {@code newHeight x newWidth} pixels that begins at (top, left). */
  public Pixels crop(int top, int left, int newHeight, int newWidth) {
    if (newHeight == height && newWidth == width) {
      return this;
    }
    byte[] out = new byte[channels * newHeight * newWidth];
    for (int row = 0; row < channels * newHeight; row++) {
      int from = (row / newHeight * height + top + row % newHeight) * width + left;
      System.arraycopy(values, from, out, row * newWidth, newWidth);
    }
    return new Pixels(channels, newHeight, newWidth, out);
  }

  /** Returns the middle {@code newHeight x newWidth} pixels, rounded as torchvision rounds. */
  public Pixels centerCrop(int newHeight, int newWidth) {
    int top = (int) Math.rint((height - newHeight) / 2.0);
    int left = (int) Math.rint((width - newWidth) / 2.0);
    return crop(top, left, newHeight, newWidth);
  }

  /** Returns the picture mirrored left to right. */
  public Pixels flipped() {
    byte[] out = new byte[values.length];
    for (int row = 0; row < values.length; row += width) {
      for (int left = row, right = row + width - 1; left < row + width; left++, right--) {
        out[left] = values[right];
      }
    }
    return new Pixels(channels, height, width, out);
  }

  /**
   * Returns the picture turned upright by an EXIF orientation.
   *
   * @param orientation 1 to 8, as in the EXIF standard; anything else leaves the picture unchanged
   */
  public Pixels upright(int orientation) {
    if (orientation < 2 || orientation > 8) {
      return this;
    }
    boolean swapped = orientation >= 5;
    boolean mirrorRows =
        orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
    boolean mirrorColumns =
        orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
    int newHeight = swapped ? width : height;
    int newWidth = swapped ? height : width;
    byte[] out = new byte[values.length];
    int next = 0;
    for (int channel = 0; channel < channels; channel++) {
      for (int y = 0; y < newHeight; y++) {
        for (int x = 0; x < newWidth; x++) {
          int row = swapped ? x : y;
          int column = swapped ? y : x;
          row = mirrorRows ? height - 1 - row : row;
          column = mirrorColumns ? width - 1 - column : column;
          out[next++] = values[(channel * height + row) * width + column];
        }
      }
    }
    return new Pixels(channels, newHeight, newWidth, out);
  }

  /** Returns luma (ITU-R 601-2: 0.299 R + 0.587 G + 0.114 B), rounded as Pillow's mode L. */
  public Pixels gray() {
    if (channels == 1) {
      return this;
    }
    int plane = height * width;
    byte[] out = new byte[plane];
    for (int i = 0; i < plane; i++) {
      int red = values[i] & 0xff;
      int green = values[plane + i] & 0xff;
      int blue = values[2 * plane + i] & 0xff;
      out[i] = (byte) ((red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16);
    }
    return new Pixels(1, height, width, out);
  }

  /** Returns a picture of three channels; a gray one has its plane three times. */
  public Pixels rgb() {
    if (channels == 3) {
      return this;
    }
    byte[] out = new byte[3 * values.length];
    for (int channel = 0; channel < 3; channel++) {
      System.arraycopy(values, 0, out, channel * values.length, values.length);
    }
    return new Pixels(3, height, width, out);
  }

  /** Returns the samples as floats in [0, 1], (C, H, W). */
  public float[] unsigned() {
    float[] out = new float[values.length];
    for (int i = 0; i < values.length; i++) {
      out[i] = (values[i] & 0xff) / 255f;
    }
    return out;
  }

  /** Returns the picture as an image of 8 bits, gray or RGB. */
  public BufferedImage toImage() {
    int type = channels == 1 ? BufferedImage.TYPE_BYTE_GRAY : BufferedImage.TYPE_INT_RGB;
    BufferedImage image = new BufferedImage(width, height, type);
    int[] line = new int[width];
    for (int channel = 0; channel < channels; channel++) {
      for (int row = 0; row < height; row++) {
        for (int column = 0; column < width; column++) {
          line[column] = at(channel, row, column);
        }
        image.getRaster().setSamples(0, row, width, 1, channel, line);
      }
    }
    return image;
  }

  /** Returns the samples as floats in [-1, 1], (C, H, W). */
  public float[] signed() {
    float[] out = new float[values.length];
    for (int i = 0; i < values.length; i++) {
      out[i] = SIGNED[values[i] & 0xff];
    }
    return out;
  }
}
