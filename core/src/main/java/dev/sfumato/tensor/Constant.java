package dev.sfumato.tensor;

import java.nio.Buffer;
import java.nio.FloatBuffer;
import java.nio.LongBuffer;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Supplier;

/**
 * Small tensors of fixed numbers, such as the taps of a filter, which are sent to a card only once.
 * They must not be changed in place.
 */
public final class Constant {
  private static final int KEPT = 256;

  /** The tensors that lie on cards, the least recently used first. */
  private static final Map<Key, Tensor> SENT = new LinkedHashMap<>(16, 0.75f, true);

  /** Buffers are equal if their content is. */
  private record Key(Device device, Buffer values, LongBuffer shape) {}

  private Constant() {}

  /** Returns a float32 tensor of {@code values}, in row-major order, on {@code device}. */
  public static Tensor on(Device device, float[] values, long... shape) {
    return on(device, FloatBuffer.wrap(values.clone()), shape, () -> Tensor.of(values, shape));
  }

  /** Returns an int64 tensor of {@code values}, in row-major order, on {@code device}. */
  public static Tensor on(Device device, long[] values, long... shape) {
    return on(device, LongBuffer.wrap(values.clone()), shape, () -> Tensor.of(values, shape));
  }

  private static Tensor on(Device device, Buffer values, long[] shape, Supplier<Tensor> host) {
    if (device.isCpu()) {
      return host.get();
    }
    Key key = new Key(device, values, LongBuffer.wrap(shape.clone()));
    synchronized (SENT) {
      Tensor kept = SENT.computeIfAbsent(key, k -> send(host, device));
      if (SENT.size() > KEPT) {
        SENT.remove(SENT.keySet().iterator().next()).close();
      }
      return kept.detach(); // the caller's scope may free it
    }
  }

  private static Tensor send(Supplier<Tensor> host, Device device) {
    try (Scope scope = Scope.open()) {
      return Scope.release(host.get().to(device));
    }
  }
}
