package dev.sfumato.training;

import dev.sfumato.tensor.DType;
import dev.sfumato.tensor.ProcessGroup;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;

/**
 * The loss of an optimiser step, which stays on the device until the step is done: reading a number
 * makes the host wait for a card.
 */
final class StepLoss {
  private final UnaryOperator<Tensor> keeper = Scope.keeper();
  private final List<Tensor> means = new ArrayList<>();
  private final List<Double> divisors = new ArrayList<>();

  /** The loss of this process's share, and the norm of the gradient. */
  record Read(double loss, double norm) {}

  /** Adds {@code mean / divisor}. */
  void add(Tensor mean, double divisor) {
    means.add(keeper.apply(mean.detach().to(DType.FLOAT32).reshape()));
    divisors.add(divisor);
  }

  /**
   * Returns 1 if the losses of all processes and {@code norm} are finite, else 0: float32, shape
   * ().
   */
  Tensor accepted(Tensor norm, ProcessGroup processes) {
    return Scope.run(
        () -> {
          Tensor zero = all(norm).mul(0).sum(); // or NaN, which equals nothing
          processes.sum_(List.of(zero));
          return zero.equalTo(zero).to(DType.FLOAT32);
        });
  }

  /** Reads all numbers at once. */
  Read read(Tensor norm) {
    float[] read;
    try (Scope scope = Scope.open()) {
      read = all(norm).toFloats();
    }
    double loss = 0;
    for (int i = 0; i < divisors.size(); i++) {
      loss += read[i] / divisors.get(i);
    }
    return new Read(loss, read[divisors.size()]);
  }

  private Tensor all(Tensor norm) {
    List<Tensor> all = new ArrayList<>(means);
    all.add(norm);
    return Tensor.stack(all, 0);
  }
}
