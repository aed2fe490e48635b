package dev.sfumato.tensor;

import org.bytedeco.pytorch.global.torch;

/**
 * A convolution as a product of matrices: each row holds what the kernel sees at one pixel. For
 * each call the engine's own convolution brings the weights into a layout of its own. For many
 * weights and few pixels that takes longer than the convolution; the product reads weights as they
 * are.
 */
final class UnfoldedConv {
  /** The number of weights that no cache holds. */
  private static final long WEIGHTS = 1 << 23;

  private static final long PIXELS = 256;
  private static final long[] ONES = {1, 1};

  private UnfoldedConv() {}

  /** Returns true if the product is faster: weights that do not learn are many, pixels few. */
  static boolean pays(Tensor x, Tensor weight, Tensor bias, long stride, long groups) {
    return weight.numel() >= WEIGHTS
        && weight.size(2) > 1
        && groups == 1
        && x.size(0) * x.size(2) * x.size(3) <= PIXELS * stride * stride
        && !(Autograd.recording() && weight.requiresGrad())
        && LinearKernel.takes(x, weight, bias);
  }

  /** {@link Functional#conv2d} of one group. */
  static Tensor conv2d(Tensor x, Tensor weight, Tensor bias, long stride, long padding) {
    long kernel = weight.size(2);
    long[] kernels = {kernel, kernel};
    long[] paddings = {padding, padding};
    long[] strides = {stride, stride};
    return Scope.run(
        () -> {
          Tensor seen =
              Tensor.make(() -> torch.im2col(x.handle(), kernels, ONES, paddings, strides));
          Tensor rows = seen.transpose(1, 2); // (B, pixels, Cin k k)
          Tensor y = LinearKernel.linear(rows, weight.reshape(weight.size(0), -1), bias);
          long height = (x.size(2) + 2 * padding - kernel) / stride + 1;
          return y.transpose(1, 2).contiguous().reshape(x.size(0), weight.size(0), height, -1);
        });
  }
}
