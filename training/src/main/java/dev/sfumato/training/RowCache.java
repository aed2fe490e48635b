package dev.sfumato.training;

import dev.sfumato.tensor.Autograd;
import dev.sfumato.tensor.Device;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import dev.sfumato.training.RowStore.Row;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;

/**
 * Keeps the output of a frozen network for each item of a batch.
 *
 * @param store where it is kept
 * @param key equal for equal items; empty for items that hardly come again, which are not kept
 * @param network maps an item to a tensor (1, ...) float32, on its device
 */
record RowCache<T>(RowStore store, Function<T, Optional<String>> key, Function<T, Tensor> network) {

  /**
   * Returns a row for each item, (B, ...) on {@code device}, which what is not kept never leaves.
   */
  Tensor of(List<T> items, Device device) {
    try (Scope scope = Scope.open();
        Autograd.Recording off = Autograd.off()) {
      List<Tensor> rows = items.stream().map(item -> row(item).to(device)).toList();
      return scope.keep(Tensor.cat(rows, 0));
    }
  }

  private Tensor row(T item) {
    Optional<String> name = store == RowStore.NONE ? Optional.empty() : key.apply(item);
    return name.map(known -> store.find(known).orElseGet(() -> kept(known, item)).tensor())
        .orElseGet(() -> Scope.run(() -> network.apply(item)));
  }

  private Row kept(String name, T item) {
    try (Scope scope = Scope.open()) {
      Row row = Row.of(network.apply(item));
      store.keep(name, row);
      return row;
    }
  }
}
