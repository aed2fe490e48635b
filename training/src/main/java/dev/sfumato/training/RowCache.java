package dev.sfumato.training;

import dev.sfumato.tensor.Autograd;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import dev.sfumato.training.RowStore.Row;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;

/**
 * Keeps the output of a frozen network for each item of a batch.
 *
 * @param store where it is kept
 * @param key equal for equal items; empty for items that hardly come again, which are not kept
 * @param network maps an item to a tensor (1, ...) float32
 */
record RowCache<T>(RowStore store, Function<T, Optional<String>> key, Function<T, Tensor> network) {

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
    Optional<String> name = store == RowStore.NONE ? Optional.empty() : key.apply(item);
    return name.flatMap(store::find)
        .orElseGet(
            () -> {
              Row row = computed(item);
              name.ifPresent(known -> store.keep(known, row));
              return row;
            });
  }

  private Row computed(T item) {
    try (Scope scope = Scope.open()) {
      return Row.of(network.apply(item));
    }
  }
}
