package dev.sfumato.training;

import dev.sfumato.tensor.Autograd;
import dev.sfumato.tensor.Tensor;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.function.ToDoubleFunction;

/** Changes weights by their gradients, a step at a time. */
interface Optimizer extends AutoCloseable {
  /** Makes an optimiser of {@code weights}, which require gradients. */
  static Optimizer of(Map<String, Tensor> weights, Adam.Settings settings) {
    return settings.rule() == Adam.Rule.PRODIGY
        ? new Prodigy(weights, settings)
        : new Adam(weights, settings);
  }

  /** Returns the weights by name. */
  Map<String, Tensor> weights();

  /**
   * Takes the gradients of a step, all at once or in parts, and forgets them.
   *
   * @param gradients of some weights, by their names
   * @param learningRate the learning rate of each weight by its name
   * @param accepted float32, shape (), on the device of the weights: 1, or 0 to change nothing
   */
  void step(Map<String, Tensor> gradients, ToDoubleFunction<String> learningRate, Tensor accepted);

  /** Ends the step when it has all gradients. */
  default void finish(Tensor accepted) {}

  /** Returns the rate of the next step where {@code learningRate} is asked for. */
  default double rate(double learningRate) {
    return learningRate;
  }

  /** Returns everything that must be saved, by name. */
  Map<String, Tensor> state();

  /** Restores the result of {@link #state}. */
  default void restore(Map<String, Tensor> saved) {
    state().forEach((name, tensor) -> tensor.copy_(saved.get(name)));
  }

  /**
   * Returns the gradients by the names of their weights; a weight that the loss did not reach has a
   * gradient of zeros.
   */
  default Map<String, Tensor> gradients() {
    return gradients(Set.of());
  }

  /** Returns the gradients of all weights but {@code others}. */
  default Map<String, Tensor> gradients(Set<String> others) {
    Map<String, Tensor> gradients = new LinkedHashMap<>();
    weights()
        .forEach(
            (name, w) -> {
              if (!others.contains(name)) {
                gradients.put(name, Autograd.gathered(w).orElseGet(() -> Autograd.zero(w)));
              }
            });
    return gradients;
  }

  @Override
  default void close() {
    state().values().forEach(Tensor::close);
  }
}
