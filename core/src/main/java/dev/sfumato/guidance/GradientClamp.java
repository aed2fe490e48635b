package dev.sfumato.guidance;

import dev.sfumato.SfumatoException;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;

/**
 * A limit for the weighted sum of all guides' gradients.
 *
 * @param kind the limited quantity
 * @param limit above 0
 */
public record GradientClamp(Kind kind, double limit) {
  /** No limit. */
  public static final GradientClamp NONE = new GradientClamp(Kind.VALUE, Double.POSITIVE_INFINITY);

  /** The limited quantity. */
  public enum Kind {
    /**
     * The magnitude of each picture's gradient g, sqrt(mean(g^2)): a larger g is scaled down to it.
     * This is Disco Diffusion's clamp, applied to each picture separately so that no picture
     * depends on the others.
     */
    NORM,
    /** Each element, clamped to [-limit, limit]. */
    VALUE
  }

  /**
   * @throws SfumatoException if the limit is not above 0
   */
  public GradientClamp {
    if (!(limit > 0)) {
      throw new SfumatoException("the gradient clamp must be above 0, not " + limit);
    }
  }

  /**
   * Reads {@code X} or {@code value:X}.
   *
   * @throws SfumatoException for another text
   */
  public static GradientClamp parse(String text) {
    boolean value = text.startsWith("value:");
    try {
      return new GradientClamp(
          value ? Kind.VALUE : Kind.NORM,
          Double.parseDouble(value ? text.substring("value:".length()) : text));
    } catch (NumberFormatException e) {
      throw new SfumatoException(
          "gradient clamp '" + text + "' is neither a number nor value:NUMBER", e);
    }
  }

  /** Returns the limited {@code gradient} (B, ...). */
  Tensor apply(Tensor gradient) {
    if (this.equals(NONE)) {
      return gradient;
    }
    if (kind == Kind.VALUE) {
      return gradient.clamp(-limit, limit);
    }
    return Scope.run(
        () -> {
          Tensor magnitude = gradient.square().mean(true, gradient.dimsOfASample()).sqrt();
          Tensor shrink = magnitude.clamp(0, limit).div(magnitude.clamp(Float.MIN_NORMAL, 1e30));
          return gradient.mul(shrink);
        });
  }
}
