package dev.sfumato.picture;

import dev.sfumato.SfumatoException;
import java.util.Arrays;
import java.util.Locale;

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

  // The number of lines that become columns at a time: few enough to stay in the cache.
  private static final int STRIP = 64;

  /** The fall of an input pixel's weight with its distance. */
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
    },
    /** A sinc under a wider sinc. */
    LANCZOS(3) {
      @Override
      double weight(double distance) {
        return Math.abs(distance) < 3 ? sinc(distance) * sinc(distance / 3) : 0;
      }
    };

    private static double sinc(double x) {
      return x == 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
    }

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

  /** Scales with another filter. */
  public static Pixels smallerEdge(Pixels picture, int size, Filter filter) {
    int shorter = Math.min(picture.height(), picture.width());
    long height = (long) size * picture.height() / shorter;
    long width = (long) size * picture.width() / shorter;
    requireSpace(picture, height, width);
    return to(picture, (int) height, (int) width, filter);
  }

  /** Scales a picture to {@code height x width} pixels. */
  public static Pixels to(Pixels picture, int height, int width) {
    return to(picture, height, width, Filter.BILINEAR);
  }

  /** Scales with another filter. */
  public static Pixels to(Pixels picture, int height, int width, Filter filter) {
    if (height == picture.height() && width == picture.width()) {
      return picture;
    }
    requireSpace(picture, height, width);
    Window[] across = windows(picture.width(), width, filter);
    Window[] down = windows(picture.height(), height, filter);
    byte[] out = new byte[picture.channels() * height * width];
    int[][] lines = new int[picture.height()][width];
    int[] line = new int[width];
    int target = 0;
    for (int channel = 0; channel < picture.channels(); channel++) {
      scaleLines(picture, channel, across, lines);
      for (Window window : down) {
        blend(lines, window, line);
        for (int value : line) {
          out[target++] = (byte) value;
        }
      }
    }
    return new Pixels(picture.channels(), height, width, out);
  }

  /** Scales a picture to {@code height x width} pixels, each that of the input below its centre. */
  public static Pixels nearest(Pixels picture, int height, int width) {
    requireSpace(picture, height, width);
    byte[] out = new byte[picture.channels() * height * width];
    int target = 0;
    for (int channel = 0; channel < picture.channels(); channel++) {
      for (int y = 0; y < height; y++) {
        int row = (int) ((y + 0.5) * picture.height() / height);
        for (int x = 0; x < width; x++) {
          int column = (int) ((x + 0.5) * picture.width() / width);
          out[target++] = (byte) picture.at(channel, row, column);
        }
      }
    }
    return new Pixels(picture.channels(), height, width, out);
  }

  /** Refuses sizes to which only a picture is enlarged that is very long and narrow. */
  private static void requireSpace(Pixels picture, long height, long width) {
    if (height > PictureReader.MAX_PIXELS / width) {
      throw new SfumatoException(
          String.format(
              Locale.ROOT,
              "a picture of %d x %d pixels would become %d x %d, which is too large: cut it first",
              picture.width(),
              picture.height(),
              width,
              height));
    }
  }

  /**
   * Scales the lines of a channel to the new width, as columns, which are arrays that blend fast.
   */
  private static void scaleLines(Pixels picture, int channel, Window[] windows, int[][] lines) {
    int[][] columns = new int[picture.width()][STRIP];
    int[] column = new int[STRIP];
    for (int top = 0; top < lines.length; top += STRIP) {
      int count = Math.min(STRIP, lines.length - top);
      int from = (channel * picture.height() + top) * picture.width();
      for (int x = 0; x < columns.length; x++) {
        int at = from + x;
        for (int y = 0; y < count; y++, at += columns.length) {
          columns[x][y] = picture.values()[at] & 0xff;
        }
      }
      for (int x = 0; x < windows.length; x++) {
        blend(columns, windows[x], column);
        for (int y = 0; y < count; y++) {
          lines[top + y][x] = column[y];
        }
      }
    }
  }

  /**
   * Sets {@code out} to the weighted mean of the arrays of a window, element by element, rounded to
   * 0 to 255. Plain loops over whole arrays let the compiler use vector instructions.
   */
  private static void blend(int[][] in, Window window, int[] out) {
    Arrays.fill(out, 1 << (FRACTION_BITS - 1));
    int[] weights = window.weights();
    int from = window.from();
    int k = 0;
    for (; k + 1 < weights.length; k += 2) {
      add(in[from + k], weights[k], in[from + k + 1], weights[k + 1], out);
    }
    if (k < weights.length) {
      add(in[from + k], weights[k], out);
    }
    for (int i = 0; i < out.length; i++) {
      out[i] = clamped(out[i] >> FRACTION_BITS);
    }
  }

  /** Clamps to 0 to 255, as a cubic goes beyond both ends; vector instructions know no branches. */
  private static int clamped(int value) {
    int positive = value & ~(value >> 31);
    return (positive | 255 - positive >> 31) & 255;
  }

  private static void add(int[] a, int weightOfA, int[] b, int weightOfB, int[] sums) {
    for (int i = 0; i < sums.length; i++) {
      sums[i] += a[i] * weightOfA + b[i] * weightOfB;
    }
  }

  private static void add(int[] a, int weight, int[] sums) {
    for (int i = 0; i < sums.length; i++) {
      sums[i] += a[i] * weight;
    }
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
