package dev.sfumato.training;

import dev.sfumato.SfumatoException;
import dev.sfumato.tensor.Autograd;
import dev.sfumato.tensor.Construction;
import dev.sfumato.tensor.OptimizerKernels;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * An exponential moving average of weights, {@code s = d s + (1 - d) w}, whose decay warms up:
 * {@code d = min(decay, 1 - (1 + n / invGamma)^-power)} at its (n + 1)-th update.
 */
public final class Ema implements AutoCloseable {
  private final Settings settings;
  private final Map<String, Tensor> weights;
  private final Map<String, Tensor> shadow = new LinkedHashMap<>();
  private long updates;

  /**
   * The decay of the average.
   *
   * @param decay the largest decay, in [0, 1)
   * @param power the speed of the decay's warm-up
   * @param invGamma the number of updates after which the warm-up is half-way at power 1
   */
  public record Settings(double decay, double power, double invGamma) {
    /** The values of diffusers' unconditional training script. */
    public static final Settings DEFAULTS = new Settings(0.9999, 0.75, 1);

    /**
     * @throws SfumatoException if a number is out of range
     */
    public Settings {
      if (!(decay >= 0 && decay < 1)) {
        throw new SfumatoException("`emaDecay` must be in [0, 1), but is " + decay);
      }
      if (!(power >= 0 && invGamma > 0)) {
        throw new SfumatoException("`emaPower` must be at least 0 and `emaInvGamma` more than 0");
      }
    }

    Map<String, Object> settings() {
      return Map.of("ema_decay", decay, "ema_power", power, "ema_inv_gamma", invGamma);
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
    long n = updates - 1;
    double warm = n <= 0 ? 0 : 1 - Math.pow(1 + n / settings.invGamma(), -settings.power());
    try (Autograd.Recording off = Autograd.off()) {
      OptimizerKernels.lerp_(
          List.copyOf(shadow.values()),
          List.copyOf(weights.values()),
          1 - Math.min(settings.decay(), warm));
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
