package dev.sfumato.training;

import dev.sfumato.tensor.Autograd;
import dev.sfumato.tensor.Construction;
import dev.sfumato.tensor.OptimizerKernels;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.ToDoubleFunction;
import java.util.stream.Collectors;

/**
 * Adam (Kingma and Ba, 2015) and, with decoupled weight decay, AdamW (Loshchilov and Hutter, 2019).
 *
 * <pre>{@code
 * m = beta1 m + (1 - beta1) g      v = beta2 v + (1 - beta2) g^2
 * w = w - lr (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + epsilon)
 * }</pre>
 */
final class Adam implements Optimizer {
  private static final String FIRST_MOMENT = "exp_avg.";
  private static final String SECOND_MOMENT = "exp_avg_sq.";
  private static final String STEP = "step.";

  private final Settings settings;
  private final Map<String, Tensor> weights;
  private final Map<String, Tensor> state = new LinkedHashMap<>();

  /** Makes an optimiser of {@code weights}, which require gradients, by Adam or AdamW. */
  Adam(Map<String, Tensor> weights, Settings settings) {
    this.settings = settings;
    this.weights = weights;
    try (Construction parts = Construction.begin();
        Scope scope = Scope.open()) {
      weights.forEach((name, w) -> addZeros(FIRST_MOMENT + name, w, w.shape()));
      weights.forEach((name, w) -> addZeros(SECOND_MOMENT + name, w, w.shape()));
      weights.forEach((name, w) -> addZeros(STEP + name, w));
      parts.complete();
    }
  }

  private void addZeros(String name, Tensor beside, long... shape) {
    state.put(name, Scope.release(Tensor.zeros(beside.device(), shape)));
  }

  @Override
  public Map<String, Tensor> weights() {
    return weights;
  }

  /** Changes these weights and forgets their gradients. */
  @Override
  public void step(
      Map<String, Tensor> gradients, ToDoubleFunction<String> learningRate, Tensor accepted) {
    Map<Double, List<String>> byRate =
        gradients.keySet().stream()
            .collect(
                Collectors.groupingBy(
                    learningRate::applyAsDouble, LinkedHashMap::new, Collectors.toList()));
    try (Scope scope = Scope.open();
        Autograd.Recording off = Autograd.off()) {
      byRate.forEach((rate, names) -> step(names, gradients, rate, accepted));
    }
    gradients.keySet().forEach(name -> Autograd.forget(weights.get(name)));
  }

  private void step(
      List<String> names, Map<String, Tensor> gradients, double learningRate, Tensor accepted) {
    OptimizerKernels.adamStep(
        names.stream().map(weights::get).toList(),
        names.stream().map(gradients::get).toList(),
        states(FIRST_MOMENT, names),
        states(SECOND_MOMENT, names),
        states(STEP, names),
        learningRate,
        settings.betas().first(),
        settings.betas().second(),
        settings.epsilon(),
        settings.weightDecay(),
        settings.rule() == Optimizer.Rule.ADAMW,
        accepted);
  }

  /** Returns the moments and step counts by name. */
  @Override
  public Map<String, Tensor> state() {
    return state;
  }

  private List<Tensor> states(String kind, List<String> names) {
    return names.stream().map(name -> state.get(kind + name)).toList();
  }
}
