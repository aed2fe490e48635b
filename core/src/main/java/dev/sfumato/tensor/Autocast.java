package dev.sfumato.tensor;

import java.util.IdentityHashMap;
import java.util.Map;
import java.util.function.BinaryOperator;
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

  /** The kept copies of weights that {@link #inTypeOf} made. */
  private static final ThreadLocal<Map<Tensor, Tensor>> COPIES =
      ThreadLocal.withInitial(IdentityHashMap::new);

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
        COPIES.get().values().forEach(Tensor::close);
        COPIES.remove();
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

  /**
   * Returns true if x is in half precision and the engine would compute its norm or its enlargement
   * in float32, with a copy of x before and one of the result behind. It does so on cards, not on
   * the CPU.
   */
  static boolean widensNorms(Tensor x) {
    return enabled() && !x.device().isCpu() && x.dtype() == current().type();
  }

  /**
   * Computes in the type of x, with weight and bias, which may be null, rounded to it. The sums of
   * a norm are float32 all the same.
   */
  static Tensor inTypeOf(Tensor x, Tensor weight, Tensor bias, BinaryOperator<Tensor> operation) {
    return Scope.run(
        () -> {
          try (Autocast off = off()) {
            return operation.apply(rounded(weight, x.dtype()), rounded(bias, x.dtype()));
          }
        });
  }

  /** Rounds a weight, once if copies are kept and no gradient is wanted. */
  private static Tensor rounded(Tensor weight, DType type) {
    if (weight == null || weight.dtype() == type) {
      return weight;
    }
    if (KEPT.get() == 0 || Autograd.recording()) {
      return weight.to(type);
    }
    Tensor copy = COPIES.get().computeIfAbsent(weight, w -> Scope.release(w.to(type)));
    return copy.dtype() == type ? copy : weight.to(type);
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
