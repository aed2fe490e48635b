package dev.sfumato.tensor;

/**
 * A convolution that is computed in horizontal strips. The engine copies a whole input and a whole
 * output to a layout of its own, which for large pictures takes more memory than all else. Here it
 * copies one strip at a time, which the processor's cache holds.
 */
final class StripedConv {
  /** The number of elements of one picture from which memory matters. */
  private static final long LARGE = 1 << 25;

  /**
   * The number of elements of a strip: its edges cost little, and the processor's cache holds it.
   */
  private static final long STRIP = 1 << 21;

  private StripedConv() {}

  /**
   * Returns true if each picture is large, and a pixel of the output depends on rows around its
   * own.
   */
  static boolean pays(Tensor x, Tensor weight, Tensor bias, long stride, long padding) {
    return x.size(2) * x.size(3) * Math.max(x.size(1), weight.size(0)) >= LARGE
        && x.device().isCpu()
        && x.dtype() == DType.FLOAT32
        && !Autocast.enabled()
        && stride == 1
        && weight.size(2) == 2 * padding + 1
        && !(Autograd.recording()
            && (x.requiresGrad() || weight.requiresGrad() || bias != null && bias.requiresGrad()));
  }

  /** {@link Functional#conv2d} with stride 1. */
  static Tensor conv2d(Tensor x, Tensor weight, Tensor bias, long padding, long groups) {
    long height = x.size(2);
    long rows = Math.max(8, STRIP * height / x.numel());
    try (Scope scope = Scope.open()) {
      Tensor kernels = weight.to(DType.FLOAT32);
      Tensor y = Tensor.empty(x.size(0), weight.size(0), height, x.size(3));
      for (long start = 0; start < height; start += rows) {
        try (Scope strip = Scope.open()) {
          long end = Math.min(height, start + rows);
          boolean edge = start < padding || end + padding > height;
          long from = Math.max(0, start - padding);
          long[] paddings = {edge ? padding : 0, padding};
          Tensor part = x.narrow(2, from, Math.min(height, end + padding) - from).contiguous();
          Tensor computed = Functional.conv2d(part, kernels, bias, 1, paddings, groups);
          long skipped = edge ? start - from : 0;
          y.narrow(2, start, end - start).copy_(computed.narrow(2, skipped, end - start));
        }
      }
      return scope.keep(y);
    }
  }
}
