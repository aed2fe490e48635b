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
import java.util.Locale;
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
public final class Adam implements Optimizer {
  private static final String FIRST_MOMENT = "exp_avg.";
  private static final String SECOND_MOMENT = "exp_avg_sq.";
  private static final String STEP = "step.";

  private final Settings settings;
  private final Map<String, Tensor> weights;
  private final Map<String, Tensor> state = new LinkedHashMap<>();

  /** The update rules. */
  public enum Rule {
    /** Weight decay takes {@code lr decay w} off a weight. */
    ADAMW,
    /** Weight decay is added to the gradient. */
    ADAM,
    /**
     * AdamW with a rate that it finds itself (Mishchenko and Defazio, 2023), times the learning
     * rate: 1, unless another is chosen.
     */
    PRODIGY;

    @Override
    public String toString() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /**
   * The constants of the update.
   *
   * @param betas decays of the moments
   * @param epsilon added to the denominator
   * @param weightDecay 0 for none
   */
  public record Settings(Rule rule, Betas betas, double epsilon, double weightDecay) {
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
      return of(Rule.ADAMW);
    }

    /** Adam without weight decay. */
    public static Settings adam() {
      return of(Rule.ADAM);
    }

    /** Prodigy with a weight decay of 0.01. */
    public static Settings prodigy() {
      return of(Rule.PRODIGY);
    }

    /** Returns the usual settings of a rule. */
    public static Settings of(Rule rule) {
      return new Settings(rule, BETAS, EPSILON, rule == Rule.ADAM ? 0 : 0.01);
    }

    /** Returns a copy with other decays of the first and the second moment. */
    public Settings withBetas(double first, double second) {
      return new Settings(rule, new Betas(first, second), epsilon, weightDecay);
    }

    /** Returns a copy with another epsilon. */
    public Settings withEpsilon(double added) {
      return new Settings(rule, betas, added, weightDecay);
    }

    /** Returns a copy with another weight decay. */
    public Settings withWeightDecay(double decay) {
      return new Settings(rule, betas, epsilon, decay);
    }

    Map<String, Object> settings() {
      Map<String, Object> settings = new LinkedHashMap<>();
      settings.put("optimizer", rule.toString());
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

  /** Makes an optimiser of {@code weights}, which require gradients, by Adam or AdamW. */
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
        settings.rule() == Rule.ADAMW,
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
