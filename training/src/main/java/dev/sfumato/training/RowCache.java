package dev.sfumato.training;

import dev.sfumato.tensor.Autograd;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/**
 * What a frozen network makes of each item of a batch, kept in Java's heap for the next time. It
 * takes at most a quarter of the heap; other items are computed anew.
 */
final class RowCache<T> {
  private static final long ROOM = Runtime.getRuntime().maxMemory() / 4;

  private final boolean on;
  private final Function<T, Object> key;
  private final Function<T, Tensor> network;
  private final Map<Object, Row> rows = new HashMap<>();
  private long bytes;

  private record Row(float[] values, long[] shape) {
    Tensor tensor() {
      return Tensor.of(values, shape);
    }
  }

  /**
   * @param on whether anything is kept
   * @param key equal for equal items
   * @param network maps an item to a tensor (1, ...) float32
   */
  RowCache(boolean on, Function<T, Object> key, Function<T, Tensor> network) {
    this.on = on;
    this.key = key;
    this.network = network;
  }

  /** Returns a row for each item, (B, ...) on the CPU. */
  Tensor of(List<T> items) {
    try (Scope scope = Scope.open();
        Autograd.Recording off = Autograd.off()) {
      List<Tensor> found = new ArrayList<>();
      for (T item : items) {
        found.add(row(item).tensor());
      }
      return scope.keep(Tensor.cat(found, 0));
    }
  }

  private Row row(T item) {
    if (!on) {
      return computed(item);
    }
    Object name = key.apply(item);
    Row known = rows.get(name);
    if (known == null) {
      known = computed(item);
      if (bytes < ROOM) {
        rows.put(name, known);
        bytes += 4L * known.values.length;
      }
    }
    return known;
  }

  private Row computed(T item) {
    try (Scope scope = Scope.open()) {
      Tensor row = network.apply(item);
      return new Row(row.toFloats(), row.shape());
    }
  }
}
