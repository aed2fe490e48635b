package dev.sfumato.tensor;

import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.DeviceType;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Mixed precision (Micikevicius et al., 2018), as {@code torch.autocast}: inside a region
 * convolutions, matrix products and attention compute in bfloat16; operations that are sensitive to
 * rounding compute in float32. Weights stay float32. Networks open the region around their forward
 * pass; it does nothing unless {@link #bfloat16} has asked for it.
 */
public final class Autocast implements AutoCloseable {
  private static volatile boolean wanted;

  private final boolean outermost;

  private Autocast(boolean wanted) {
    outermost = wanted && !enabled();
    if (outermost) {
      set(true);
    }
  }

  /** Sets for the whole process whether regions compute in bfloat16. */
  public static void bfloat16(boolean wanted) {
    Autocast.wanted = wanted;
  }

  /** Opens a region of this thread. */
  public static Autocast open() {
    return new Autocast(wanted);
  }

  /** Opens a region for a second computation if the first one ran in a region. */
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

  /** Returns true if this thread is in a region that computes in bfloat16. */
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
