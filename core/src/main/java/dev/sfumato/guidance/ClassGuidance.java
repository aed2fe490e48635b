package dev.sfumato.guidance;

import dev.sfumato.SfumatoException;
import dev.sfumato.scheduler.Step;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.util.Locale;

/**
 * Classifier-free guidance (Ho and Salimans 2022, arXiv 2207.12598): away from what the network
 * predicts for no class in particular.
 *
 * @param scale w in {@code uncond + w (cond - uncond)}; 1 for none
 * @param from the part of the run, 0 to 1, from which on it acts (Kynkaanniemi et al. 2024, arXiv
 *     2404.07724: neither at high noise nor at low); elsewhere the class alone counts
 * @param until the part of the run, 0 to 1, before which it acts
 * @param rescale 0 to 1: how far the result is brought back to the standard deviation of the
 *     prediction for the class (Lin et al. 2023, arXiv 2305.08891, eq. 15 and 16), against
 *     overexposure at large scales
 */
public record ClassGuidance(double scale, double from, double until, double rescale) {
  /** No classifier-free guidance. */
  public static final ClassGuidance NONE = of(1);

  /**
   * @throws SfumatoException if a number is out of range
   */
  public ClassGuidance {
    if (!Double.isFinite(scale)) {
      throw new SfumatoException("class-guidance-scale must be a number");
    }
    if (!(from >= 0 && from < until && until <= 1)) {
      throw new SfumatoException(
          String.format(
              Locale.ROOT,
              "class-guidance-from %s and class-guidance-until %s must rise and lie between 0 and 1",
              from,
              until));
    }
    if (!(rescale >= 0 && rescale <= 1)) {
      throw new SfumatoException("class-guidance-rescale must lie between 0 and 1");
    }
  }

  /** At every step, without rescaling. */
  public static ClassGuidance of(double scale) {
    return new ClassGuidance(scale, 0, 1, 0);
  }

  /** Whether the prediction for no class is needed at {@code step}. */
  boolean actsAt(Step step) {
    double done = (double) step.index() / step.count();
    return scale != 1 && from <= done && done < until;
  }

  /** The guided prediction (B, C, H, W). */
  Tensor combine(Tensor conditional, Tensor unconditional) {
    return Scope.run(
        () -> {
          Tensor guided = unconditional.add(conditional.sub(unconditional).mul(scale));
          if (rescale == 0) {
            return guided;
          }
          Tensor rescaled = guided.mul(deviation(conditional).div(deviation(guided)));
          return rescaled.mul(rescale).add(guided.mul(1 - rescale));
        });
  }

  /** The standard deviation of each picture, (B, 1, 1, 1). */
  private static Tensor deviation(Tensor x) {
    return x.std(true, 1, 2, 3);
  }
}
