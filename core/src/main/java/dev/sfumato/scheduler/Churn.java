package dev.sfumato.scheduler;

import dev.sfumato.SfumatoException;

/**
 * Noise that a deterministic solver adds before each step, to correct earlier errors (Karras et al.
 * 2022, algorithm 2; the table of appendix E has good values).
 *
 * @param amount S_churn, shared among the steps; 0 for none
 * @param sigmaMin S_tmin, the smallest sigma at which to add noise
 * @param sigmaMax S_tmax, the largest
 * @param noise S_noise, the standard deviation of the noise
 */
public record Churn(double amount, double sigmaMin, double sigmaMax, double noise) {
  /** No noise: the solver stays deterministic. */
  public static final Churn NONE = new Churn(0, 0, Double.POSITIVE_INFINITY, 1);

  /**
   * @throws SfumatoException if a value is negative or not a number
   */
  public Churn {
    if (!(amount >= 0 && sigmaMin >= 0 && sigmaMax >= 0 && noise >= 0)) {
      throw new SfumatoException("churn must consist of numbers of 0 or more");
    }
  }

  /** Returns gamma of algorithm 2 at {@code sigma}: the relative rise of the noise level. */
  double gamma(double sigma, int steps) {
    return sigmaMin <= sigma && sigma <= sigmaMax ? Math.min(amount / steps, Math.sqrt(2) - 1) : 0;
  }
}
