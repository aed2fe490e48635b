package dev.sfumato.data;

import java.util.Arrays;

/**
 * Resizing with antialiasing, equal to Pillow's {@code resize} and so to torchvision's {@code
 * Resize} on pictures; bilinear unless a {@link Filter} is given.
 *
 * <p>Along each axis an output sample is a weighted mean of the input. The weights are the filter,
 * widened by {@code max(scale, 1)}, around the output pixel's centre, where {@code scale} is the
 * input size over the output size: when shrinking, every input pixel counts. Columns first, then
 * rows, with bytes between them.
 */
public final class Resize {
  // Weights are fixed-point numbers, so that the result is the same bytes on every machine.
  private static final int FRACTION_BITS = 22;

  /** How the weight of an input pixel falls with its distance. */
  public enum Filter {
    /** A triangle. */
    BILINEAR(1) {
      @Override
      double weight(double distance) {
        return Math.max(0, 1 - Math.abs(distance));
      }
    },
    /** Keys' cubic with a = -1/2. */
    BICUBIC(2) {
      @Override
      double weight(double distance) {
        double x = Math.abs(distance);
        return x < 1 ? (1.5 * x - 2.5) * x * x + 1 : x < 2 ? ((-0.5 * x + 2.5) * x - 4) * x + 2 : 0;
      }
    };

    private final double halfWidth;

    Filter(double halfWidth) {
      this.halfWidth = halfWidth;
    }

    abstract double weight(double distance);
  }

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
    return smallerEdge(picture, size, Filter.BILINEAR);
  }

  /** The same with another filter. */
  public static Pixels smallerEdge(Pixels picture, int size, Filter filter) {
    int shorter = Math.min(picture.height(), picture.width());
    int height = (int) ((long) size * picture.height() / shorter);
    int width = (int) ((long) size * picture.width() / shorter);
    return to(picture, height, width, filter);
  }

  /** Scales a picture to {@code height x width} pixels. */
  public static Pixels to(Pixels picture, int height, int width) {
    return to(picture, height, width, Filter.BILINEAR);
  }

  /** The same with another filter. */
  public static Pixels to(Pixels picture, int height, int width, Filter filter) {
    Pixels wide = width == picture.width() ? picture : columns(picture, width, filter);
    return height == wide.height() ? wide : rows(wide, height, filter);
  }

  private static Pixels columns(Pixels picture, int width, Filter filter) {
    Window[] windows = windows(picture.width(), width, filter);
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

  private static Pixels rows(Pixels picture, int height, Filter filter) {
    Window[] windows = windows(picture.height(), height, filter);
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
    int value = (sum + (1 << (FRACTION_BITS - 1))) >> FRACTION_BITS;
    return (byte) Math.max(0, Math.min(255, value)); // a cubic goes beyond both ends
  }

  private static Window[] windows(int size, int newSize, Filter filter) {
    double scale = (double) size / newSize;
    double unit = Math.max(scale, 1);
    double halfWidth = filter.halfWidth * unit;
    Window[] windows = new Window[newSize];
    for (int i = 0; i < newSize; i++) {
      double center = (i + 0.5) * scale;
      int from = Math.max((int) (center - halfWidth + 0.5), 0);
      int to = Math.min((int) (center + halfWidth + 0.5), size);
      double[] shape = new double[to - from];
      double total = 0;
      for (int k = 0; k < shape.length; k++) {
        shape[k] = filter.weight((from + k + 0.5 - center) / unit);
        total += shape[k];
      }
      int[] weights = new int[shape.length];
      for (int k = 0; k < weights.length; k++) {
        double weight = shape[k] / total * (1 << FRACTION_BITS);
        weights[k] = (int) (weight + Math.copySign(0.5, weight));
      }
      windows[i] = new Window(from, weights);
    }
    return windows;
  }
}
