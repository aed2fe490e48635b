package dev.sfumato.scheduler;

import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.TreeMap;
import java.util.function.UnaryOperator;

/**
 * The memory of a run for its last few steps: a tensor for each. A repeated step, as in time
 * travel, overwrites its own entry and later ones. The tensors live until they drop out or the
 * scope closes in which the run began.
 */
final class Memory {
  private final UnaryOperator<Tensor> keeper = Scope.keeper();
  private final TreeMap<Integer, Tensor> tensors = new TreeMap<>();
  private final int capacity;

  Memory(int capacity) {
    this.capacity = capacity;
  }

  /** Remembers {@code tensor}, which its owner also keeps, and drops the oldest if full. */
  void put(int step, Tensor tensor) {
    Map<Integer, Tensor> overtaken = tensors.tailMap(step);
    overtaken.values().forEach(Tensor::close);
    overtaken.clear();
    tensors.put(step, keeper.apply(tensor.detach()));
    while (tensors.size() > capacity) {
      tensors.pollFirstEntry().getValue().close();
    }
  }

  Tensor at(int step) {
    Tensor tensor = tensors.get(step);
    if (tensor == null) {
      throw new NoSuchElementException("step " + step + " was not taken: steps go in order");
    }
    return tensor;
  }

  /** Returns the number of remembered steps. */
  int size() {
    return tensors.size();
  }
}
