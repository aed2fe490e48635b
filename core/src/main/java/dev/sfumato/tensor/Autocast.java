package dev.sfumato.tensor;

import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.DeviceType;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Mixed precision (Micikevicius et al., 2018), as {@code torch.autocast}: inside a region
 * convolutions, matrix products and attention compute in bfloat16; operations that are sensitive to
 * rounding compute in float32. Weights stay float32. Each network opens the region around its
 * forward pass, in its own precision.
 */
public final class Autocast implements AutoCloseable {
  /** The number of open {@link Casts} of a thread. */
  private static final ThreadLocal<Integer> KEPT = ThreadLocal.withInitial(() -> 0);

  private final boolean on;
  private final boolean switches;

  /** The time during which regions of a thread share their copies of weights. */
  public static final class Casts implements AutoCloseable {
    private Casts() {
      KEPT.set(KEPT.get() + 1);
    }

    /** Frees the copies, unless others of this thread are open. */
    @Override
    public void close() {
      KEPT.set(KEPT.get() - 1);
      forgetCasts();
    }
  }

  private Autocast(boolean on, boolean wanted) {
    this.on = on;
    switches = wanted && on != enabled();
    if (switches) {
      set(on);
    }
  }

  /** Opens a region of this thread; it does nothing in single precision. */
  public static Autocast open(Precision precision) {
    return new Autocast(true, precision == Precision.BF16);
  }

  /**
   * Keeps the bfloat16 copies of weights from one region of this thread to the next, so that each
   * weight is converted once. The weights must not change meanwhile.
   */
  public static Casts keepCasts() {
    return new Casts();
  }

  /** Opens a region that computes in float32, inside a region of bfloat16, too. */
  public static Autocast off() {
    return new Autocast(false, true);
  }

  /** Opens a region for a second computation if the first one ran in a region. */
  static Autocast resume(boolean wasEnabled) {
    return new Autocast(true, wasEnabled);
  }

  /** Ends the region; the outermost one frees the copies of weights, unless they are kept. */
  @Override
  public void close() {
    if (switches) {
      set(!on);
      if (on) {
        forgetCasts();
      }
    }
  }

  private static void forgetCasts() {
    if (KEPT.get() == 0) {
      Engine.call(
          () -> {
            torch.clear_cache();
            return null;
          });
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
          return null;
        });
  }
}
