package dev.sfumato.training;

import dev.sfumato.tensor.Tensor;
import java.util.Optional;

/** A place for what a frozen network makes of an item. */
interface RowStore {
  /** Keeps nothing. */
  RowStore NONE =
      new RowStore() {
        @Override
        public Optional<Row> find(String key) {
          return Optional.empty();
        }

        @Override
        public void keep(String key, Row row) {}
      };

  /**
   * A tensor in Java's heap.
   *
   * @param values float32, row-major
   * @param shape (1, ...)
   */
  record Row(float[] values, long[] shape) {
    static Row of(Tensor tensor) {
      return new Row(tensor.toFloats(), tensor.shape());
    }

    Tensor tensor() {
      return Tensor.of(values, shape);
    }
  }

  /** Returns what was kept for a key; empty if nothing was, or it is damaged. */
  Optional<Row> find(String key);

  /** Keeps a row, if there is room for it. */
  void keep(String key, Row row);
}
