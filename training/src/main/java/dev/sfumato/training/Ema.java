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

/**
 * An exponential moving average of weights, {@code s = d s + (1 - d) w}, whose decay warms up by a
 * {@link Formula}.
 */
public final class Ema implements AutoCloseable {
  private final Settings settings;
  private final Map<String, Tensor> weights;
  private final Map<String, Tensor> shadow = new LinkedHashMap<>();
  private long updates;

  /** The warm-up of the decay at the (n + 1)-th update. */
  public enum Formula {
    /** {@code d = min(decay, 1 - (1 + n / invGamma)^-power)}: diffusers' unconditional script. */
    POWER,
    /** {@code d = min(decay, (1 + n) / (10 + n))}: diffusers' text-to-image script. */
    TEXT_TO_IMAGE;

    @Override
    public String toString() {
      return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
  }

  /**
   * The decay of the average.
   *
   * @param formula the warm-up; {@code power} and {@code invGamma} are of {@link Formula#POWER}
   * @param decay the largest decay, in [0, 1)
   * @param power the speed of the decay's warm-up
   * @param invGamma the number of updates after which the warm-up is half-way at power 1
   */
  public record Settings(Formula formula, double decay, double power, double invGamma) {
    /** The values of diffusers' unconditional training script. */
    public static final Settings DEFAULTS = new Settings(Formula.POWER, 0.9999, 0.75, 1);

    /**
     * @throws InvalidOptionException if a number is out of range
     */
    public Settings {
      require(decay >= 0 && decay < 1, "`emaDecay` must be in [0, 1), but is " + decay);
      require(
          power >= 0 && invGamma > 0,
          "`emaPower` must be at least 0 and `emaInvGamma` more than 0");
    }

    /** Returns a copy with another warm-up. */
    public Settings withFormula(Formula other) {
      return new Settings(other, decay, power, invGamma);
    }

    /** Returns a copy with another largest decay. */
    public Settings withDecay(double largest) {
      return new Settings(formula, largest, power, invGamma);
    }

    /** Returns the decay at the (n + 1)-th update; the first takes the weights as they are. */
    double at(long n) {
      if (n <= 0) {
        return 0;
      }
      double warm =
          switch (formula) {
            case POWER -> 1 - Math.pow(1 + n / invGamma, -power);
            case TEXT_TO_IMAGE -> (1.0 + n) / (10 + n);
          };
      return Math.min(decay, warm);
    }

    Map<String, Object> settings() {
      return Map.of(
          "ema_formula", formula.toString(),
          "ema_decay", decay,
          "ema_power", power,
          "ema_inv_gamma", invGamma);
    }
  }

  /** Starts the average at {@code weights} and follows them. */
  public Ema(Map<String, Tensor> weights, Settings settings) {
    this.settings = settings;
    this.weights = weights;
    try (Construction parts = Construction.begin()) {
      weights.forEach((name, w) -> shadow.put(name, owned(w)));
      parts.complete();
    }
  }

  private static Tensor owned(Tensor weight) {
    try (Scope scope = Scope.open()) {
      return Scope.release(weight.detach().copy());
    }
  }

  /** Moves the average towards the current weights. */
  public void update() {
    updates++;
    try (Autograd.Recording off = Autograd.off()) {
      OptimizerKernels.lerp_(
          List.copyOf(shadow.values()),
          List.copyOf(weights.values()),
          1 - settings.at(updates - 1));
    }
  }

  /** Returns the averaged weights by name. */
  public Map<String, Tensor> shadow() {
    return shadow;
  }

  /** Returns the number of updates. */
  public long updates() {
    return updates;
  }

  /** Restores the results of {@link #shadow} and {@link #updates}. */
  public void restore(Map<String, Tensor> saved, long updatesSeen) {
    shadow.forEach((name, tensor) -> tensor.copy_(saved.get(name)));
    updates = updatesSeen;
  }

  /**
   * Replaces the weights by the averages until the result is closed, for samples and for saving.
   */
  public Swap swapIn() {
    return new Swap();
  }

  /** The time during which the averages replace the weights. */
  public final class Swap implements Trainer.Averages {
    private final Map<String, Tensor> raw = new LinkedHashMap<>();

    private Swap() {
      weights.forEach(
          (name, w) -> {
            try (Scope scope = Scope.open()) {
              raw.put(name, Scope.release(w.detach()));
              w.share_(shadow.get(name));
            }
          });
    }

    /** Puts the weights back. */
    @Override
    public void close() {
      raw.forEach(
          (name, tensor) -> {
            weights.get(name).share_(tensor);
            tensor.close();
          });
    }
  }

  @Override
  public void close() {
    shadow.values().forEach(Tensor::close);
  }
}
