package dev.sfumato.tensor;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * A 3 x 3 convolution of features whose pixels were repeated to 2 x 2, without repeating them. A
 * row of the kernel (a, b, c) sees two of three neighbours x, y, z, and two rows of the output are
 * {@code a x + (b + c) y = a (x - y) + (a + b + c) y} and {@code (a + b) y + c z = (a + b + c) y -
 * c (y - z)}. So three products make two rows, and nine make the 2 x 2 pixels that take 36
 * otherwise. The sums over all channels are products of matrices.
 *
 * @param weight the weight if it learns
 * @param bias the bias, if there is one
 */
record DoublingConv(Optional<Tensor> weight, Optional<Tensor> bias) implements WeightedLayer {

  /** The number of channels below which the sums take as long as the multiplications. */
  private static final long CHANNELS = 96;

  /** The number of multiplications of one picture below which calls of the engine take longer. */
  private static final long LARGE = 1 << 22;

  private static final long LARGE_TO_LEARN = 1 << 24;

  /** The number of pixels below which the sums of the weights take longer than they save. */
  private static final long PIXELS = 64;

  private static final long PIXELS_TO_LEARN = 256;

  /** The number of kernels whose sums, 9 numbers each, malloc does not map. */
  private static final long KERNELS_OF_A_PART = 800_000;

  /** The number of elements of a strip, which the processor's cache holds several times. */
  private static final long STRIP = 1 << 21;

  /** A row for each of the 9 products, a column for each weight of a kernel. */
  private static final float[] KERNELS =
      WinogradConv.kernels(new float[][] {{1, 0, 0}, {1, 1, 1}, {0, 0, 1}});

  /** Returns true if the saved multiplications outweigh the sums. */
  static boolean pays(Tensor x, Tensor weight, Tensor bias) {
    boolean learns = weight.requiresGrad();
    long pixels = x.size(2) * x.size(3);
    long products = weight.size(0) * weight.size(1) * pixels;
    return Math.min(weight.size(0), weight.size(1)) >= CHANNELS
        && pixels >= (learns ? PIXELS_TO_LEARN : PIXELS)
        && products >= (learns ? LARGE_TO_LEARN : LARGE)
        && LinearKernel.takes(x, weight, bias);
  }

  /** {@link Functional#conv2dOfDoubled}. */
  static Tensor conv2d(Tensor x, Tensor weight, Tensor bias) {
    return new DoublingConv(WeightedLayer.learning(weight), Optional.ofNullable(bias))
        .of(x, weight);
  }

  @Override
  public Tensor compute(List<Tensor> inputs) {
    Tensor weight = weight(inputs);
    Tensor x = inputs.get(0);
    try (Autograd.Recording off = Autograd.off();
        Scope scope = Scope.open()) {
      Tensor padded = padded(x);
      List<Part> parts = parts(weight, false);
      Tensor y = Tensor.empty(x.size(0), weight.size(0), 2 * x.size(2), 2 * x.size(3));
      Tensor pixels = pixels(y);
      inStrips(
          x,
          (picture, row, count) -> {
            Tensor[][] seen = seen(padded.select(0, picture).narrow(1, row, count + 2));
            Tensor out = pixels.select(0, picture).narrow(1, row, count);
            parts.forEach(part -> write(part, seen, part.of(out)));
          });
      return scope.keep(y);
    }
  }

  /**
   * Some channels of the result.
   *
   * @param from the first of them
   * @param sums of their kernels, (9, channels, channels of what they see)
   */
  private record Part(long from, Tensor sums) {
    Tensor of(Tensor result) {
      return result.narrow(0, from, sums.size(1));
    }

    Tensor product(int i, int j, Tensor seen) {
      return LinearKernel.product(sums.select(0, 3 * i + j), seen.transpose(0, 1), null);
    }
  }

  /** Returns the sums of all kernels; turned, those of the gradient of x. */
  private static List<Part> parts(Tensor weight, boolean turned) {
    int dim = turned ? 1 : 0;
    long all = weight.size(dim);
    long length = Math.min(all, Math.max(64, KERNELS_OF_A_PART / weight.size(1 - dim)));
    Tensor rows = Tensor.of(KERNELS, 9, 9);
    List<Part> parts = new ArrayList<>();
    for (long from = 0; from < all; from += length) {
      try (Scope part = Scope.open()) {
        Tensor some = weight.narrow(dim, from, Math.min(length, all - from));
        // Turned while they are small: the product would turn them again in each strip.
        Tensor kernels = turned ? some.transpose(0, 1).contiguous() : some;
        Tensor sums = LinearKernel.product(rows, kernels.to(DType.FLOAT32).reshape(-1, 9), null);
        parts.add(new Part(from, part.keep(sums.reshape(9, kernels.size(0), kernels.size(1)))));
      }
    }
    return parts;
  }

  /** Returns what the nine products see of padded x (C, rows + 2, W + 2), each (C, rows W). */
  private static Tensor[][] seen(Tensor x) {
    Tensor[][] seen = new Tensor[3][];
    Tensor[] lines = differences(x, 1);
    for (int i = 0; i < 3; i++) {
      seen[i] = differences(lines[i], 2);
      for (int j = 0; j < 3; j++) {
        seen[i][j] = seen[i][j].reshape(x.size(0), -1);
      }
    }
    return seen;
  }

  /** x - y, y and y - z of neighbours along a dimension. */
  private static Tensor[] differences(Tensor x, int dim) {
    long count = x.size(dim) - 2;
    Tensor here = x.narrow(dim, 1, count);
    return new Tensor[] {
      x.narrow(dim, 0, count).sub(here), here, here.sub(x.narrow(dim, 2, count))
    };
  }

  /** Computes some rows and channels of y, (channels, rows, 2, W, 2). */
  private void write(Part part, Tensor[][] seen, Tensor y) {
    try (Scope scope = Scope.open()) {
      Tensor[][] sums = new Tensor[3][];
      for (int i = 0; i < 3; i++) {
        Tensor[] products = new Tensor[3];
        for (int j = 0; j < 3; j++) {
          products[j] = part.product(i, j, seen[i][j]);
        }
        if (i == 1) { // one of the products is part of all four pixels
          bias.ifPresent(b -> products[1].add_(part.of(b).unsqueeze(1), 1));
        }
        sums[i] = pair(products);
      }
      for (int column = 0; column < 2; column++) {
        Tensor[] both = pair(new Tensor[] {sums[0][column], sums[1][column], sums[2][column]});
        for (int row = 0; row < 2; row++) {
          Tensor place = y.select(4, column).select(2, row);
          place.copy_(both[row].reshape(place.shape()));
        }
      }
    }
  }

  /** The sums of three products for two pixels, in the place of two of them. */
  private static Tensor[] pair(Tensor[] m) {
    return new Tensor[] {m[0].add_(m[1], 1), m[1].add_(m[2], -1)};
  }

  /** Does something with a strip of rows. */
  private interface Strip {
    void take(int picture, long row, long count);
  }

  private static void inStrips(Tensor x, Strip strip) {
    long rows = Math.max(1, STRIP / (x.size(1) * x.size(3)));
    for (int picture = 0; picture < x.size(0); picture++) {
      for (long row = 0; row < x.size(2); row += rows) {
        try (Scope scope = Scope.open()) {
          strip.take(picture, row, Math.min(rows, x.size(2) - row));
        }
      }
    }
  }

  private static Tensor pixels(Tensor y) {
    return y.reshape(y.size(0), y.size(1), y.size(2) / 2, 2, y.size(3) / 2, 2);
  }

  private static Tensor padded(Tensor x) {
    return Functional.pad(x, 1, 1, 1, 1);
  }

  @Override
  public Tensor ofInput(Tensor x, Tensor weight, Tensor gradient) {
    try (Scope scope = Scope.open()) {
      List<Part> parts = parts(weight, true);
      Tensor dx = Tensor.zeros(x.size(0), x.size(1), x.size(2) + 2, x.size(3) + 2);
      Tensor dy = pixels(gradient);
      inStrips(
          x,
          (picture, row, count) -> {
            Tensor[][] products = products(dy.select(0, picture).narrow(1, row, count));
            Tensor sums = dx.select(0, picture).narrow(1, row, count + 2);
            parts.forEach(part -> add(part, products, part.of(sums)));
          });
      return scope.keep(dx.narrow(2, 1, x.size(2)).narrow(3, 1, x.size(3)).contiguous());
    }
  }

  @Override
  public Tensor ofWeight(Tensor x, Tensor weight, Tensor gradient) {
    long out = weight.size(0);
    long in = weight.size(1);
    try (Scope scope = Scope.open()) {
      Tensor sums = Tensor.zeros(9, out, in);
      Tensor padded = padded(x);
      Tensor dy = pixels(gradient);
      inStrips(
          x,
          (picture, row, count) -> {
            Tensor[][] seen = seen(padded.select(0, picture).narrow(1, row, count + 2));
            Tensor[][] products = products(dy.select(0, picture).narrow(1, row, count));
            for (int i = 0; i < 3; i++) {
              for (int j = 0; j < 3; j++) {
                Tensor part = LinearKernel.product(products[i][j], seen[i][j], null);
                sums.select(0, 3 * i + j).add_(part, (i == 2) == (j == 2) ? 1 : -1);
              }
            }
          });
      Tensor columns = Tensor.of(KERNELS, 9, 9).transpose(0, 1).contiguous();
      Tensor kernels = LinearKernel.product(columns, sums.reshape(9, -1).transpose(0, 1), null);
      return scope.keep(kernels.transpose(0, 1).contiguous().reshape(out, in, 3, 3));
    }
  }

  @Override
  public Tensor ofBias(Tensor gradient) {
    return Tensor.make(() -> gradient.handle().sum(0, 2, 3));
  }

  /** Returns the gradients of the nine products, (channels, rows W), from that of y. */
  private static Tensor[][] products(Tensor dy) {
    Tensor[] lines = ofPixels(dy.select(2, 0), dy.select(2, 1));
    Tensor[][] products = new Tensor[3][];
    for (int i = 0; i < 3; i++) {
      products[i] = ofPixels(lines[i].select(3, 0), lines[i].select(3, 1));
      for (int j = 0; j < 3; j++) {
        products[i][j] = products[i][j].contiguous().reshape(dy.size(0), -1);
      }
    }
    return products;
  }

  /** The gradients of the products of {@link #pair}; the last with the other sign. */
  private static Tensor[] ofPixels(Tensor first, Tensor second) {
    return new Tensor[] {first, first.add(second), second};
  }

  /** Adds the gradients of what the products see to padded dx, (channels, rows + 2, W + 2). */
  private static void add(Part part, Tensor[][] products, Tensor dx) {
    long rows = dx.size(1) - 2;
    long width = dx.size(2) - 2;
    try (Scope scope = Scope.open()) {
      for (int i = 0; i < 3; i++) {
        Tensor line = Tensor.zeros(dx.size(0), rows, width + 2);
        for (int j = 0; j < 3; j++) {
          Tensor seen = part.product(i, j, products[i][j]).reshape(dx.size(0), rows, width);
          addDifference(line, 2, j, seen);
        }
        addDifference(dx, 1, i, line);
      }
    }
  }

  /** Adds the gradient of one of the {@link #differences} of x to that of x. */
  private static void addDifference(Tensor dx, int dim, int index, Tensor gradient) {
    long count = dx.size(dim) - 2;
    Tensor here = dx.narrow(dim, 1, count);
    switch (index) {
      case 0 -> {
        dx.narrow(dim, 0, count).add_(gradient, 1);
        here.add_(gradient, -1);
      }
      case 1 -> here.add_(gradient, 1);
      default -> { // the product came with the other sign
        here.add_(gradient, -1);
        dx.narrow(dim, 2, count).add_(gradient, 1);
      }
    }
  }
}
