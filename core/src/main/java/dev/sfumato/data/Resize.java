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
    byte[] out = new byte[lines * width];
    int[] sums = new int[lines];
    for (int x = 0; x < width; x++) {
      sum(picture.values(), windows[x].from(), picture.width(), 1, windows[x].weights(), sums);
      for (int line = 0; line < lines; line++) {
        out[line * width + x] = rounded(sums[line]);
      }
    }
    return new Pixels(picture.channels(), picture.height(), width, out);
  }

  private static Pixels rows(Pixels picture, int height) {
    Window[] windows = windows(picture.height(), height);
    int width = picture.width();
    byte[] out = new byte[picture.channels() * height * width];
    int[] sums = new int[width];
    for (int channel = 0; channel < picture.channels(); channel++) {
      for (int y = 0; y < height; y++) {
        int from = (channel * picture.height() + windows[y].from()) * width;
        sum(picture.values(), from, 1, width, windows[y].weights(), sums);
        int target = (channel * height + y) * width;
        for (int x = 0; x < width; x++) {
          out[target + x] = rounded(sums[x]);
        }
      }
    }
    return new Pixels(picture.channels(), height, width, out);
  }

  /**
   * Sets {@code sums[i]} to the weighted sum of the samples from {@code from + i * step}, which lie
   * {@code tap} apart. Four at a time, which takes half as long as one at a time.
   */
  private static void sum(byte[] in, int from, int step, int tap, int[] weights, int[] sums) {
    Arrays.fill(sums, 0);
    int k = 0;
    for (; k + 3 < weights.length; k += 4) {
      int a = weights[k];
      int b = weights[k + 1];
      int c = weights[k + 2];
      int d = weights[k + 3];
      int at = from + k * tap;
      for (int i = 0; i < sums.length; i++, at += step) {
        sums[i] +=
            (in[at] & 0xff) * a
                + (in[at + tap] & 0xff) * b
                + (in[at + 2 * tap] & 0xff) * c
                + (in[at + 3 * tap] & 0xff) * d;
      }
    }
    for (; k < weights.length; k++) {
      int at = from + k * tap;
      for (int i = 0; i < sums.length; i++, at += step) {
        sums[i] += (in[at] & 0xff) * weights[k];
      }
    }
  }

  private static byte rounded(int sum) {
    return (byte) Math.min(255, (sum + (1 << (FRACTION_BITS - 1))) >> FRACTION_BITS);
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
