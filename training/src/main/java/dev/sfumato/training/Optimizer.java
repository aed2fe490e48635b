package dev.sfumato.training;

import static dev.sfumato.InvalidOptionException.require;

import dev.sfumato.InvalidOptionException;
import dev.sfumato.tensor.Autograd;
import dev.sfumato.tensor.DType;
import dev.sfumato.tensor.Device;
import dev.sfumato.tensor.ProcessGroup;
import dev.sfumato.tensor.Tensor;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.function.ToDoubleFunction;

/** Changes weights by their gradients, a step at a time. */
public interface Optimizer extends AutoCloseable {
  /** The update rules. */
  enum Rule {
    /** Weight decay takes {@code lr decay w} off a weight. */
    ADAMW,
    /** Weight decay is added to the gradient. */
    ADAM,
    /**
     * AdamW with a rate that it finds itself (Mishchenko and Defazio, 2023), times the learning
     * rate: 1, unless another is chosen.
     */
    PRODIGY,
    /** For large models: keeps little beside the weights (Shazeer and Stern, 2018). */
    ADAFACTOR;

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
  record Settings(Rule rule, Betas betas, double epsilon, double weightDecay) {
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

    /** Adafactor with a weight decay of 0.01; it takes neither betas nor epsilon. */
    public static Settings adafactor() {
      return of(Rule.ADAFACTOR);
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
  record Betas(double first, double second) {
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
  static Optimizer of(Map<String, Tensor> weights, Settings settings) {
    return switch (settings.rule()) {
      case ADAMW, ADAM -> new Adam(weights, settings);
      case PRODIGY -> new Prodigy(weights, settings);
      case ADAFACTOR -> new Adafactor(weights, settings);
    };
  }

  /** Returns a new 0 in float64 on the device of the weights. */
  static Tensor zeroBeside(Map<String, Tensor> weights) {
    Device device = weights.values().stream().findFirst().map(Tensor::device).orElse(Device.CPU);
    return Tensor.zeros(device).to(DType.FLOAT64);
  }

  /** Returns the gradient, or zeros if the step is not accepted; the host does not wait. */
  static Tensor finite(Tensor gradient, Tensor accepted) {
    boolean known = accepted.device().isCpu() && accepted.item() == 1;
    return known ? gradient : gradient.filled(accepted.lessThan(1), 0);
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

  /** Returns the gradients by the names of their weights, without those that no loss reached. */
  default Map<String, Tensor> gradients() {
    return gradients(Set.of(), ProcessGroup.alone());
  }

  /**
   * Returns the gradients of the weights that the loss of any process reached, without those of
   * {@code others}. A process whose own loss did not reach a weight has zeros for it.
   */
  default Map<String, Tensor> gradients(Set<String> others, ProcessGroup processes) {
    List<String> names = weights().keySet().stream().filter(n -> !others.contains(n)).toList();
    Map<String, Tensor> gradients = new LinkedHashMap<>();
    names.forEach(
        name -> Autograd.gathered(weights().get(name)).ifPresent(g -> gradients.put(name, g)));
    if (processes.size() == 1) {
      return gradients;
    }
    float[] counts = new float[names.size()];
    for (int i = 0; i < counts.length; i++) {
      counts[i] = gradients.containsKey(names.get(i)) ? 1 : 0;
    }
    Tensor reached = Tensor.of(counts, counts.length);
    processes.sum_(List.of(reached));
    float[] inAny = reached.toFloats();
    Map<String, Tensor> inOrder = new LinkedHashMap<>();
    for (int i = 0; i < inAny.length; i++) {
      if (inAny[i] > 0) {
        String name = names.get(i);
        Tensor own = gradients.get(name);
        inOrder.put(name, own == null ? Autograd.zero(weights().get(name)) : own);
      }
    }
    return inOrder;
  }

  @Override
  default void close() {
    state().values().forEach(Tensor::close);
  }
}
