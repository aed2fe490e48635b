package dev.sfumato.tensor;

import java.util.List;
import java.util.Optional;
import org.bytedeco.pytorch.global.torch;

/**
 * A convolution as a product of matrices: the weights times a matrix whose columns hold what the
 * kernel sees at each pixel. The engine's own convolution brings the weights into a layout of its
 * own in each call, which takes long for many weights and few pixels; the product reads them as
 * they are. A kernel of one pixel sees the features themselves.
 *
 * @param bias the bias, if there is one
 */
record ProductConv(Optional<Tensor> bias, long stride, long padding) implements FrozenConv {
  /** The number of weights that no cache holds. */
  private static final long WEIGHTS = 1 << 23;

  private static final long PIXELS = 256;

  /** The number of multiplications of one picture below which calls of the engine take longer. */
  private static final long LARGE = 1 << 23;

  private static final long[] ONES = {1, 1};

  /** Returns true if the product is faster and the weights do not learn. */
  static boolean pays(
      Tensor x, Tensor weight, Tensor bias, long stride, long padding, long groups) {
    long pixels = x.size(2) * x.size(3);
    boolean plain = isPoint(weight) && stride == 1 && padding == 0;
    boolean faster =
        plain
            ? weight.numel() * pixels >= LARGE
            : !isPoint(weight)
                && weight.numel() >= WEIGHTS
                && x.size(0) * pixels <= PIXELS * stride * stride;
    return faster && groups == 1 && FrozenConv.takes(x, weight, bias);
  }

  private static boolean isPoint(Tensor weight) {
    return weight.size(2) * weight.size(3) == 1;
  }

  /** {@link Functional#conv2d} of one group. */
  static Tensor conv2d(Tensor x, Tensor weight, Tensor bias, long stride, long padding) {
    return new ProductConv(Optional.ofNullable(bias), stride, padding).of(x, weight);
  }

  @Override
  public Tensor compute(List<Tensor> inputs) {
    Tensor x = inputs.get(0);
    Tensor weight = inputs.get(1);
    try (Autograd.Recording off = Autograd.off();
        Scope scope = Scope.open()) {
      long out = weight.size(0);
      Tensor y = LinearKernel.columns(weight.reshape(out, -1), seen(x, weight));
      bias.ifPresent(b -> y.add_(b.unsqueeze(1), 1));
      long height = (x.size(2) + 2 * padding - weight.size(2)) / stride + 1;
      // A view that was made unrecorded could not be added to in place.
      return scope.keep(y.reshape(x.size(0), out, height, -1).detach());
    }
  }

  /** Returns what the kernel sees, (B, Cin k k, pixels). */
  private Tensor seen(Tensor x, Tensor weight) {
    return isPoint(weight)
        ? x.reshape(x.size(0), x.size(1), -1)
        : Tensor.make(
            () -> torch.im2col(x.handle(), kernel(weight), ONES, twice(padding), twice(stride)));
  }

  private static long[] kernel(Tensor weight) {
    return new long[] {weight.size(2), weight.size(3)};
  }

  private static long[] twice(long number) {
    return new long[] {number, number};
  }

  @Override
  public Tensor gradient(Tensor x, Tensor weight, Tensor gradient) {
    Tensor w = weight.reshape(weight.size(0), -1);
    Tensor g = gradient.reshape(x.size(0), weight.size(0), -1);
    try (Autograd.Recording off = Autograd.off();
        Scope scope = Scope.open()) {
      if (isPoint(weight) && g.size(2) > g.size(1)) { // turning the weight costs less
        return scope.keep(LinearKernel.columns(w.transpose(0, 1), g).reshape(x.shape()));
      }
      Tensor seen = LinearKernel.rows(g.transpose(1, 2), w).transpose(1, 2);
      if (isPoint(weight)) {
        return scope.keep(seen.reshape(x.shape()));
      }
      long[] size = {x.size(2), x.size(3)};
      return scope.keep(
          Tensor.make(
              () ->
                  torch.col2im(
                      seen.handle(), size, kernel(weight), ONES, twice(padding), twice(stride))));
    }
  }
}
