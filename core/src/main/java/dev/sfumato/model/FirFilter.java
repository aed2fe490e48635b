package dev.sfumato.model;

import dev.sfumato.tensor.Constant;
import dev.sfumato.tensor.Functional;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.util.function.UnaryOperator;

/**
 * Halves and doubles pictures channel by channel with the smooth kernel [1, 3, 3, 1] in both
 * directions (Zhang, 2019; Karras et al., 2019; Song et al., 2021). Beyond the border a picture is
 * zero; the variants for K blocks mirror it.
 */
final class FirFilter {
  private static final float[] TAPS = {1 / 8f, 3 / 8f, 3 / 8f, 1 / 8f};

  private FirFilter() {}

  /** (B, C, H, W) to (B, C, H/2, W/2). */
  static Tensor half(Tensor x) {
    return perChannel(x, plane -> Functional.conv2d(plane, kernel(x, 1), null, 2, 1, 1));
  }

  /** (B, C, H, W) to (B, C, 2H, 2W). */
  static Tensor twice(Tensor x) {
    return perChannel(x, plane -> Functional.convTranspose2d(plane, kernel(x, 4), 2, 1));
  }

  /** Halves like {@link #half}, but mirrors beyond the border. */
  static Tensor halfMirrored(Tensor x) {
    return perChannel(
        x,
        plane -> Functional.conv2d(Functional.padReflect(plane, 1), kernel(x, 1), null, 2, 0, 1));
  }

  /** Doubles like {@link #twice}, but mirrors beyond the border. */
  static Tensor twiceMirrored(Tensor x) {
    return perChannel(
        x,
        plane -> Functional.convTranspose2d(Functional.padReflect(plane, 1), kernel(x, 4), 2, 3));
  }

  private static Tensor perChannel(Tensor x, UnaryOperator<Tensor> filter) {
    try (Scope scope = Scope.open()) {
      Tensor planes = filter.apply(x.reshape(-1, 1, x.size(2), x.size(3)));
      return scope.keep(planes.reshape(x.size(0), x.size(1), planes.size(2), planes.size(3)));
    }
  }

  /** Makes the kernel (1, 1, 4, 4) on the device of {@code x}; its elements sum to {@code sum}. */
  private static Tensor kernel(Tensor x, double sum) {
    Tensor taps = Constant.on(x.device(), TAPS, 1, 1, 1, 4);
    return taps.transpose(2, 3).mul(taps).mul(sum);
  }
}
