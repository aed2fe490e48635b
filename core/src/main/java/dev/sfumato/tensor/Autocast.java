package dev.sfumato.tensor;

import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.DeviceType;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Mixed precision (Micikevicius et al., 2018), as {@code torch.autocast}: inside a region
 * convolutions, matrix products and attention compute in bfloat16, whatever is sensitive to
 * rounding in float32. Weights stay float32. Networks open the region around their forward pass, in
 * the precision that each was told to compute in.
 */
public final class Autocast implements AutoCloseable {
  private final boolean outermost;

  private Autocast(boolean wanted) {
    outermost = wanted && !enabled();
    if (outermost) {
      set(true);
    }
  }

  /** Opens a region of this thread; it does nothing in single precision. */
  public static Autocast open(Precision precision) {
    return new Autocast(precision == Precision.BF16);
  }

  /** A region for what is computed again, if the first time was in one. */
  static Autocast resume(boolean wasEnabled) {
    return new Autocast(wasEnabled);
  }

  /** Ends the region and frees the copies of weights that it made. */
  @Override
  public void close() {
    if (outermost) {
      set(false);
    }
  }

  /** Whether this thread is in a region that computes in bfloat16. */
  static boolean enabled() {
    return Engine.call(() -> torch.is_autocast_enabled(DeviceType.CPU));
  }

  private static void set(boolean on) {
    Engine.call(
        () -> {
          for (DeviceType type : new DeviceType[] {DeviceType.CPU, DeviceType.CUDA}) {
            torch.set_autocast_dtype(type, ScalarType.BFloat16);
            torch.set_autocast_enabled(type, on);
          }
          if (!on) {
            torch.clear_cache();
          }
          return null;
        });
  }
}
