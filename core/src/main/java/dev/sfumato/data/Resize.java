package dev.sfumato.data;

import java.util.Arrays;

/**
 * Bilinear resizing with antialiasing, equal to Pillow's {@code resize(..., BILINEAR)} and so to
 * torchvision's {@code Resize} on pictures.
 *
 * <p>Along each axis an output sample is a weighted mean of the input. The weights are a triangle
 * of half-width {@code max(scale, 1)} around the output pixel's centre, where {@code scale} is the
 * input size over the output size: when shrinking, every input pixel counts. Columns first, then
 * rows, with bytes between them.
 */
public final class Resize {
  // Weights are fixed-point numbers, so that the result is the same bytes on every machine.
  private static final int FRACTION_BITS = 22;

  private Resize() {}

  /**
   * The input samples {@code from, from + 1, ...} that make one output sample, and their weights.
   */
  private record Window(int from, int[] weights) {}

  /**
   * Scales a picture so that its smaller edge has {@code size} pixels; the larger edge keeps the
   * proportions, rounded down.
   */
  public static Pixels smallerEdge(Pixels picture, int size) {
    int shorter = Math.min(picture.height(), picture.width());
    int height = (int) ((long) size * picture.height() / shorter);
    int width = (int) ((long) size * picture.width() / shorter);
    return to(picture, height, width);
  }

  /** Scales a picture to {@code height x width} pixels. */
  public static Pixels to(Pixels picture, int height, int width) {
    Pixels wide = width == picture.width() ? picture : columns(picture, width);
    return height == wide.height() ? wide : rows(wide, height);
  }

  private static Pixels columns(Pixels picture, int width) {
    Window[] windows = windows(picture.width(), width);
    int lines = picture.channels() * picture.height();
    byte[] in = picture.values();
    byte[] out = new byte[lines * width];
    for (int line = 0; line < lines; line++) {
      int start = line * picture.width();
      for (int x = 0; x < width; x++) {
        int[] weights = windows[x].weights();
        int first = start + windows[x].from();
        int sum = 0;
        for (int k = 0; k < weights.length; k++) {
          sum += (in[first + k] & 0xff) * weights[k];
        }
        out[line * width + x] = rounded(sum);
      }
    }
    return new Pixels(picture.channels(), picture.height(), width, out);
  }

  private static Pixels rows(Pixels picture, int height) {
    Window[] windows = windows(picture.height(), height);
    int width = picture.width();
    byte[] in = picture.values();
    byte[] out = new byte[picture.channels() * height * width];
    int[] sums = new int[width];
    for (int channel = 0; channel < picture.channels(); channel++) {
      for (int y = 0; y < height; y++) {
        int[] weights = windows[y].weights();
        int first = (channel * picture.height() + windows[y].from()) * width;
        Arrays.fill(sums, 0);
        for (int k = 0; k < weights.length; k++) {
          for (int x = 0; x < width; x++) {
            sums[x] += (in[first + k * width + x] & 0xff) * weights[k];
          }
        }
        int target = (channel * height + y) * width;
        for (int x = 0; x < width; x++) {
          out[target + x] = rounded(sums[x]);
        }
      }
    }
    return new Pixels(picture.channels(), height, width, out);
  }

  private static byte rounded(int sum) {
    int value = (sum + (1 << (FRACTION_BITS - 1))) >> FRACTION_BITS;
    return (byte) Math.max(0, Math.min(255, value));
  }

  private static Window[] windows(int size, int newSize) {
    double scale = (double) size / newSize;
    double halfWidth = Math.max(scale, 1);
    Window[] windows = new Window[newSize];
    for (int i = 0; i < newSize; i++) {
      double center = (i + 0.5) * scale;
      int from = Math.max((int) (center - halfWidth + 0.5), 0);
      int to = Math.min((int) (center + halfWidth + 0.5), size);
      double[] triangle = new double[to - from];
      double total = 0;
      for (int k = 0; k < triangle.length; k++) {
        double distance = (from + k + 0.5 - center) / halfWidth;
        triangle[k] = Math.max(0, 1 - Math.abs(distance));
        total += triangle[k];
      }
      int[] weights = new int[triangle.length];
      for (int k = 0; k < weights.length; k++) {
        weights[k] = (int) (triangle[k] / total * (1 << FRACTION_BITS) + 0.5);
      }
      windows[i] = new Window(from, weights);
    }
    return windows;
  }
}
