package dev.sfumato.training;

import static dev.sfumato.InvalidOptionException.require;

import dev.sfumato.InvalidOptionException;
import dev.sfumato.tensor.Autograd;
import dev.sfumato.tensor.Construction;
import dev.sfumato.tensor.OptimizerKernels;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
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
public final class Adam implements AutoCloseable {
  private static final String FIRST_MOMENT = "exp_avg.";
  private static final String SECOND_MOMENT = "exp_avg_sq.";
  private static final String STEP = "step.";

  private final Settings settings;
  private final Map<String, Tensor> weights;
  private final Map<String, Tensor> state = new LinkedHashMap<>();

  /**
   * The constants of the update.
   *
   * @param decoupled whether the weight decay is AdamW's, {@code w = w - lr decay w}, or added to
   *     the gradient
   * @param betas decays of the moments
   * @param epsilon added to the denominator
   * @param weightDecay 0 for none
   */
  public record Settings(boolean decoupled, Betas betas, double epsilon, double weightDecay) {
    private static final Betas BETAS = new Betas(0.9, 0.999);
    private static final double EPSILON = 1e-8;

    /**
     * @throws InvalidOptionException if a number is out of range
     */
    public Settings {
      require(
          epsilon >= 0 && weightDecay >= 0, "`adamEpsilon` and `weightDecay` must not be negative");
    }

    /** AdamW with a weight decay of 0.01. */
    public static Settings adamW() {
      return new Settings(true, BETAS, EPSILON, 0.01);
    }

    /** Adam without weight decay. */
    public static Settings adam() {
      return new Settings(false, BETAS, EPSILON, 0);
    }

    /** Returns a copy with other decays of the first and the second moment. */
    public Settings withBetas(double first, double second) {
      return new Settings(decoupled, new Betas(first, second), epsilon, weightDecay);
    }

    /** Returns a copy with another epsilon. */
    public Settings withEpsilon(double added) {
      return new Settings(decoupled, betas, added, weightDecay);
    }

    /** Returns a copy with another weight decay. */
    public Settings withWeightDecay(double decay) {
      return new Settings(decoupled, betas, epsilon, decay);
    }

    Map<String, Object> settings() {
      Map<String, Object> settings = new LinkedHashMap<>();
      settings.put("optimizer", decoupled ? "adamw" : "adam");
      settings.put("adam_beta1", betas.first());
      settings.put("adam_beta2", betas.second());
      settings.put("adam_epsilon", epsilon);
      settings.put("weight_decay", weightDecay);
      return settings;
    }
  }

  /**
   * Decays of the moments.
   *
   * @param first of the gradient's mean, in [0, 1)
   * @param second of the gradient's square, in [0, 1)
   */
  public record Betas(double first, double second) {
    /**
     * @throws InvalidOptionException if a number is out of range
     */
    public Betas {
      require(
          first >= 0 && first < 1 && second >= 0 && second < 1,
          "`adamBeta1` and `adamBeta2` must be in [0, 1), but are " + first + " and " + second);
    }
  }

  /** Makes an optimiser of {@code weights}, which require gradients. */
  public Adam(Map<String, Tensor> weights, Settings settings) {
    this.settings = settings;
    this.weights = weights;
    try (Construction parts = Construction.begin()) {
      try (Scope scope = Scope.open()) {
        weights.forEach((name, w) -> add(FIRST_MOMENT + name, Tensor.zeros(w.shape()), w));
        weights.forEach((name, w) -> add(SECOND_MOMENT + name, Tensor.zeros(w.shape()), w));
        weights.forEach((name, w) -> add(STEP + name, Tensor.zeros(), w));
      }
      parts.complete();
    }
  }

  private void add(String name, Tensor tensor, Tensor beside) {
    try (tensor) {
      state.put(name, Scope.release(tensor.to(beside.device())));
    }
  }

  /**
   * Changes weights by one step and forgets their gradients.
   *
   * @param gradients of the weights to change, by their names
   * @param learningRate the learning rate of each weight by its name
   * @param accepted float32, shape (), on the device of the weights: 1, or 0 to change no weight
   */
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
        settings.decoupled(),
        accepted);
  }

  /** The moments and step counts by name, to be saved. */
  public Map<String, Tensor> state() {
    return state;
  }

  /** Restores the result of {@link #state}. */
  public void restore(Map<String, Tensor> saved) {
    state.forEach((name, tensor) -> tensor.copy_(saved.get(name)));
  }

  /**
   * Returns the gradients by the names of their weights; a weight that the loss did not reach has a
   * gradient of zeros.
   */
  public Map<String, Tensor> gradients() {
    return gradients(Set.of());
  }

  /** Returns the gradients of all weights but {@code others}. */
  Map<String, Tensor> gradients(Set<String> others) {
    Map<String, Tensor> gradients = new LinkedHashMap<>();
    weights.forEach(
        (name, w) -> {
          if (!others.contains(name)) {
            gradients.put(name, Autograd.gathered(w).orElseGet(() -> Autograd.zero(w)));
          }
        });
    return gradients;
  }

  private List<Tensor> states(String kind, List<String> names) {
    return names.stream().map(name -> state.get(kind + name)).toList();
  }

  @Override
  public void close() {
    state.values().forEach(Tensor::close);
  }
}
