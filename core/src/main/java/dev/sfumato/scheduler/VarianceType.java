package dev.sfumato.scheduler;

import dev.sfumato.SfumatoException;
import dev.sfumato.tensor.Tensor;

/**
 * The standard deviation of the noise that a DDPM step adds. Its square lies between beta~_t, exact
 * if x_0 were a single picture, and beta_t, exact if x_0 were pure noise (DDPM, section 3.2).
 */
public enum VarianceType {
  /** sqrt(beta~_t). */
  FIXED_SMALL,
  /** exp(log(beta~_t) / 2): equal to {@link #FIXED_SMALL} except for rounding. */
  FIXED_SMALL_LOG,
  /** sqrt(beta_t). */
  FIXED_LARGE,
  /**
   * exp(log(beta_t) / 2). diffusers takes the root of the logarithm instead, which is not a number.
   */
  FIXED_LARGE_LOG,
  /** The root of the variance in the second half of the model's output channels. */
  LEARNED,
  /**
   * exp(v log(beta_t) + (1 - v) log(beta~_t))^(1/2): v, in the second half of the output channels
   * from -1 to 1, chooses between the bounds (improved DDPM, eq. 15).
   */
  LEARNED_RANGE;

  /**
   * A floor that keeps the logarithm finite at the step to the clean picture, where the variance is
   * zero.
   */
  private static final float SMALLEST = 1e-20f;

  /**
   * Returns true if the model outputs twice as many channels as it reads, the second half for the
   * variance.
   */
  public boolean isLearned() {
    return this == LEARNED || this == LEARNED_RANGE;
  }

  /**
   * Reads {@code fixed_small} and so on.
   *
   * @throws SfumatoException for another text
   */
  public static VarianceType parse(String text) {
    return Spelling.parse(VarianceType.class, "variance_type", text);
  }

  /** The spelling in JSON. */
  @Override
  public String toString() {
    return Spelling.of(this);
  }

  /**
   * Multiplies {@code noise} (B, C, H, W) by the standard deviation; {@code learned} has its shape.
   */
  Tensor scale(Tensor noise, float betaTilde, float beta, Tensor learned) {
    float small = Math.max(betaTilde, SMALLEST);
    return switch (this) {
      case FIXED_SMALL -> noise.mul(Floats.sqrt(small));
      case FIXED_SMALL_LOG -> noise.mul((float) Math.exp(0.5f * (float) Math.log(small)));
      case FIXED_LARGE, FIXED_LARGE_LOG -> noise.mul(Floats.sqrt(beta));
      case LEARNED -> learned.sqrt().mul(noise);
      case LEARNED_RANGE -> {
        Tensor v = learned.add(1).div(2);
        Tensor logVariance =
            v.mul((float) Math.log(beta)).add(v.neg().add(1).mul((float) Math.log(small)));
        yield logVariance.mul(0.5).exp().mul(noise);
      }
    };
  }
}
