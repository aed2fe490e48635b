package dev.sfumato.tensor;

import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.DeviceType;

/**
 * Mixed precision (Micikevicius et al., 2018), as {@code torch.autocast}: inside a region
 * convolutions, matrix products and attention compute in half precision; operations that are
 * sensitive to rounding compute in float32. Weights stay float32. Each network opens the region
 * around its forward pass, in its own precision.
 */
public final class Autocast implements AutoCloseable {
  /** The number of open {@link Casts} of a thread. */
  private static final ThreadLocal<Integer> KEPT = ThreadLocal.withInitial(() -> 0);

  /** The arithmetic that the engine was told for a thread. */
  private static final ThreadLocal<Precision> CURRENT =
      ThreadLocal.withInitial(() -> Precision.FP32);

  private final Precision before = current();
  private final Precision precision;

  /** The time during which regions of a thread share their copies of weights. */
  public static final class Casts implements AutoCloseable {
    private Casts() {
      KEPT.set(KEPT.get() + 1);
      set(current());
    }

    /** Frees the copies, unless others of this thread are open. */
    @Override
    public void close() {
      KEPT.set(KEPT.get() - 1);
      set(current());
      if (KEPT.get() == 0) {
        Engine.call(
            () -> {
              torch.clear_cache();
              return null;
            });
      }
    }
  }

  private Autocast(Precision precision) {
    this.precision = precision;
    if (precision != before) {
      set(precision);
    }
  }

  /** Opens a region of this thread; it does nothing in single precision. */
  public static Autocast open(Precision precision) {
    return new Autocast(precision == Precision.FP32 ? current() : precision);
  }

  /**
   * Keeps the rounded copies of weights from one region of this thread to the next, so that each
   * weight is converted once. The weights must not change meanwhile.
   */
  public static Casts keepCasts() {
    return new Casts();
  }

  /** Opens a region that computes in float32, inside a region of half precision, too. */
  public static Autocast off() {
    return new Autocast(Precision.FP32);
  }

  /** Ends the region. */
  @Override
  public void close() {
    if (precision != before) {
      set(before);
    }
  }

  /** Returns true if this thread is in a region that computes in half precision. */
  static boolean enabled() {
    return current() != Precision.FP32;
  }

  /** Returns the arithmetic of this thread. */
  static Precision current() {
    return CURRENT.get();
  }

  /**
   * Tells the engine. It keeps copies of weights only where that is asked for: a copy that was made
   * without recording, as in the first pass of a recomputed layer, has no gradient in the second.
   */
  private static void set(Precision precision) {
    CURRENT.set(precision);
    Engine.call(
        () -> {
          torch.set_autocast_cache_enabled(KEPT.get() > 0);
          for (DeviceType type : new DeviceType[] {DeviceType.CPU, DeviceType.CUDA}) {
            torch.set_autocast_dtype(type, precision.type().scalarType());
            torch.set_autocast_enabled(type, precision != Precision.FP32);
          }
          return null;
        });
  }
}
