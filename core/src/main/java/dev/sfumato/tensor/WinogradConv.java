package dev.sfumato.tensor;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * A 3 x 3 convolution by Winograd's minimal filtering (Lavin and Gray, 2015): {@code Y = A^T ((G g
 * G^T) * (B^T d B)) A} for each tile of 2 x 2 pixels. It takes 16 multiplications for a tile
 * instead of 36. The 16 sums over all channels are products of matrices.
 *
 * @param bias the bias, if there is one
 */
record WinogradConv(Optional<Tensor> bias) implements FrozenConv {

  /** The number of channels below which the sums take as long as the multiplications. */
  private static final long CHANNELS = 192;

  /** The number of multiplications of one picture below which calls of the engine take longer. */
  private static final long LARGE = 1 << 24;

  /** The number of pixels below which the transform of the weights takes longer than it saves. */
  private static final long PIXELS = 256;

  /** The number of kernels whose transforms, 16 numbers each, malloc does not map. */
  private static final long KERNELS_OF_A_PART = 450_000;

  /** The number of parts whose transforms are held together. */
  private static final long PARTS = 4;

  /** The number of elements that the processor's cache holds several times. */
  private static final long PLANE = 1 << 19;

  /** G for two dimensions: a row for each of the 16 products, a column for each weight of g. */
  private static final float[] KERNELS =
      kernels(new float[][] {{1, 0, 0}, {0.5f, 0.5f, 0.5f}, {0.5f, -0.5f, 0.5f}, {0, 0, 1}});

  /** Returns a matrix for kernels of 3 x 3 from that for their rows, (n, 3) to (n n, 9). */
  static float[] kernels(float[][] g) {
    int n = g.length;
    float[] all = new float[n * n * 9];
    for (int i = 0; i < all.length; i++) {
      int product = i / 9;
      int place = i % 9;
      all[i] = g[product / n][place / 3] * g[product % n][place % 3];
    }
    return all;
  }

  /** Returns true if the saved multiplications outweigh the sums before and after them. */
  static boolean pays(
      Tensor x, Tensor weight, Tensor bias, long stride, long padding, long groups) {
    long products = weight.size(0) * weight.size(1);
    long pixels = x.size(2) * x.size(3);
    return weight.size(2) == 3
        && weight.size(3) == 3
        && stride == 1
        && padding == 1
        && groups == 1
        && x.size(2) % 2 == 0
        && x.size(3) % 2 == 0
        && Math.min(weight.size(0), weight.size(1)) >= CHANNELS
        && pixels >= PIXELS
        && products * pixels / 4 >= LARGE
        && FrozenConv.takes(x, weight, bias);
  }

  /** {@link Functional#conv2d} with stride and padding 1. */
  static Tensor conv2d(Tensor x, Tensor weight, Tensor bias) {
    return new WinogradConv(Optional.ofNullable(bias)).of(x, weight);
  }

  @Override
  public Tensor compute(List<Tensor> inputs) {
    return convolved(inputs.get(0), inputs.get(1), false, bias);
  }

  /**
   * Returns the gradient of x, which is a convolution with the kernels turned by half a turn.
   *
   * @param gradient of the output
   */
  static Tensor turned(Tensor gradient, Tensor weight) {
    return convolved(gradient, weight, true, Optional.empty());
  }

  private static Tensor convolved(Tensor in, Tensor weight, boolean turned, Optional<Tensor> bias) {
    try (Autograd.Recording off = Autograd.off();
        Scope scope = Scope.open()) {
      Tensor x = in.contiguous();
      int dim = turned ? 1 : 0;
      long out = weight.size(dim);
      long length = Math.min(out, Math.max(64, KERNELS_OF_A_PART / weight.size(1 - dim)));
      Tensor y = Tensor.empty(x.size(0), out, x.size(2), x.size(3));
      for (long from = 0; from < out; from += PARTS * length) {
        try (Scope together = Scope.open()) {
          List<Part> parts = new ArrayList<>();
          for (long at = from; at < Math.min(out, from + PARTS * length); at += length) {
            long start = at;
            long count = Math.min(length, out - at);
            Tensor u = transformed(weight.narrow(dim, start, count), turned);
            parts.add(new Part(start, u, bias.map(all -> all.narrow(0, start, count))));
          }
          convolve(x, parts, y);
        }
      }
      return scope.keep(y);
    }
  }

  /**
   * Some channels of the output.
   *
   * @param from the first of them
   * @param u their transformed kernels, (16, C, Cin)
   */
  private record Part(long from, Tensor u, Optional<Tensor> bias) {
    Tensor of(Tensor y) {
      return y.narrow(0, from, u.size(1));
    }
  }

  /** Returns G g G^T of all kernels, (16, Cout, Cin). */
  private static Tensor transformed(Tensor weight, boolean turned) {
    Tensor g = Tensor.of(KERNELS, 16, 9);
    // Turned while they are small: the product would turn them again in each strip, on one thread.
    Tensor kernels = turned ? weight.transpose(0, 1).contiguous() : weight;
    return LinearKernel.product(
            turned ? g.flip(1) : g, kernels.to(DType.FLOAT32).reshape(-1, 9), null)
        .reshape(16, kernels.size(0), kernels.size(1));
  }

  /** Computes some channels of y, a strip of rows at a time. */
  private static void convolve(Tensor x, List<Part> parts, Tensor y) {
    long height = x.size(2) / 2;
    long rows = Math.max(1, PLANE / x.size(1) * 2 / x.size(3));
    for (long picture = 0; picture < x.size(0); picture++) {
      for (long row = 0; row < height; row += rows) {
        try (Scope strip = Scope.open()) {
          long count = Math.min(rows, height - row);
          strip(
              padded(x.select(0, picture), row, count),
              parts,
              y.select(0, picture).narrow(1, 2 * row, 2 * count));
        }
      }
    }
  }

  /**
   * Returns the rows of tiles {@code row} to {@code row + count}, with a border of zeros, as (2, 2,
   * C, count + 1, W / 2 + 1): odd rows, from the one before, then even rows, to the one after;
   * columns likewise.
   */
  private static Tensor padded(Tensor x, long row, long count) {
    long height = x.size(1) / 2;
    long width = x.size(2) / 2;
    Tensor pixels = x.reshape(x.size(0), height, 2, width, 2);
    Tensor padded = Tensor.empty(2, 2, x.size(0), count + 1, width + 1);
    for (long odd = 0; odd < 2; odd++) {
      long from = Math.max(0, row - odd);
      long to = Math.min(height, row - odd + count + 1);
      for (long oddColumn = 0; oddColumn < 2; oddColumn++) {
        Tensor plane = padded.select(0, 1 - odd).select(0, 1 - oddColumn);
        if (to - from <= count) {
          plane.narrow(1, odd == 0 ? count : 0, 1).fill_(0);
        }
        plane.narrow(2, oddColumn == 0 ? width : 0, 1).fill_(0);
        plane
            .narrow(1, from - (row - odd), to - from)
            .narrow(2, oddColumn, width)
            .copy_(pixels.narrow(1, from, to - from).select(2, odd).select(3, oddColumn));
      }
    }
    return padded;
  }

  /** Computes the rows of some channels of y, (Cout, 2 rows, W), from their tiles. */
  private static void strip(Tensor padded, List<Part> parts, Tensor y) {
    long rows = padded.size(3) - 1;
    long width = padded.size(4) - 1;
    Tensor[][][] sums = new Tensor[parts.size()][4][];
    Tensor[] lines = transformed(padded, rows);
    for (int i = 0; i < 4; i++) {
      Tensor[] tiles = transformed(lines[i], width);
      for (int p = 0; p < sums.length; p++) {
        Part part = parts.get(p);
        Tensor[] products = new Tensor[4];
        for (int j = 0; j < 4; j++) {
          Tensor seen = tiles[j].reshape(part.u.size(2), -1).transpose(0, 1);
          products[j] = LinearKernel.product(part.u.select(0, 4 * i + j), seen, null);
        }
        if (i == 1) { // one of the products is part of all four pixels
          part.bias.ifPresent(b -> products[1].add_(b.unsqueeze(1), 1));
        }
        sums[p][i] = pixels(products);
      }
    }
    for (int p = 0; p < sums.length; p++) {
      write(sums[p], parts.get(p).of(y), rows, width);
    }
  }

  private static void write(Tensor[][] sums, Tensor y, long rows, long width) {
    Tensor pairs = y.reshape(y.size(0), rows, 2, width, 2);
    for (int column = 0; column < 2; column++) {
      int c = column;
      Tensor[] both = pixels(new Tensor[] {sums[0][c], sums[1][c], sums[2][c], sums[3][c]});
      for (int row = 0; row < 2; row++) {
        pairs.select(2, row).select(3, column).copy_(both[row].reshape(y.size(0), rows, width));
      }
    }
  }

  /** B^T d along the dimension of which d holds the odd places, then the even ones. */
  private static Tensor[] transformed(Tensor d, long count) {
    Tensor odd = d.select(0, 0);
    Tensor even = d.select(0, 1);
    Tensor first = odd.narrow(2, 0, count);
    Tensor second = even.narrow(2, 0, count);
    Tensor third = odd.narrow(2, 1, count);
    Tensor fourth = even.narrow(2, 1, count);
    return new Tensor[] {
      first.sub(third), second.add(third), third.sub(second), second.sub(fourth)
    };
  }

  /** A^T m: the sums of four products for two pixels, in the place of two of them. */
  private static Tensor[] pixels(Tensor[] m) {
    return new Tensor[] {m[0].add_(m[1], 1).add_(m[2], 1), m[1].add_(m[2], -1).add_(m[3], -1)};
  }

  @Override
  public Tensor gradient(Tensor x, Tensor weight, Tensor gradient) {
    return turned(gradient, weight);
  }
}
