package dev.sfumato.guidance;

import dev.sfumato.SfumatoException;
import dev.sfumato.scheduler.Step;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.util.Locale;

/**
 * Classifier-free guidance (Ho and Salimans 2022, arXiv 2207.12598): away from what the network
 * predicts without the condition.
 *
 * @param scale w in {@code uncond + w (cond - uncond)}; 1 for none
 * @param from the part of the run, 0 to 1, from which on it acts (Kynkaanniemi et al. 2024, arXiv
 *     2404.07724: neither at high noise nor at low); elsewhere the condition alone counts
 * @param until the part of the run, 0 to 1, before which it acts
 * @param rescale 0 to 1: how far the result is brought back to the standard deviation of the
 *     prediction with the condition (Lin et al. 2023, arXiv 2305.08891, eq. 15 and 16), against
 *     overexposure at large scales
 */
public record ClassifierFreeGuidance(double scale, double from, double until, double rescale) {
  /** No classifier-free guidance. */
  public static final ClassifierFreeGuidance NONE = of(1);

  /**
   * @throws SfumatoException if a number is out of range
   */
  public ClassifierFreeGuidance {
    if (!Double.isFinite(scale)) {
      throw new SfumatoException("guidance scale must be a number, not " + scale);
    }
    if (!(from >= 0 && from < until && until <= 1)) {
      throw new SfumatoException(
          String.format(
              Locale.ROOT,
              "guidance from %s and until %s must rise and lie between 0 and 1",
              from,
              until));
    }
    if (!(rescale >= 0 && rescale <= 1)) {
      throw new SfumatoException("guidance rescale must lie between 0 and 1, not " + rescale);
    }
  }

  /** At every step, without rescaling. */
  public static ClassifierFreeGuidance of(double scale) {
    return new ClassifierFreeGuidance(scale, 0, 1, 0);
  }

  /** Whether it changes anything: the scale is not 1. */
  public boolean isOn() {
    return scale != 1;
  }

  /** Whether the prediction without the condition is needed at {@code step}. */
  boolean actsAt(Step step) {
    double done = (double) step.index() / step.count();
    return isOn() && from <= done && done < until;
  }

  /** The guided prediction, of the shape of both. */
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

  /** The standard deviation of each picture or vector, (B, 1, ...). */
  private static Tensor deviation(Tensor x) {
    return x.std(true, x.dimsOfASample());
  }
}
