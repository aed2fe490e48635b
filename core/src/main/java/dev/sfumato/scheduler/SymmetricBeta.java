package dev.sfumato.scheduler;

/** The distribution Beta(a, a) on [0, 1]. */
final class SymmetricBeta {
  private static final double PRECISION = 1e-17;

  private SymmetricBeta() {}

  /** Returns the x below which the share {@code p} of the distribution lies; 0 &lt; a &lt; 1. */
  static double quantile(double p, double a) {
    if (p > 0.5) {
      return 1 - quantile(1 - p, a);
    }
    double wanted = 2 * p * integral(0.5, a); // half of the distribution lies below 1/2
    double low = 0;
    double high = 0.5;
    for (double middle = 0.25; low < middle && middle < high; middle = (low + high) / 2) {
      if (integral(middle, a) < wanted) {
        low = middle;
      } else {
        high = middle;
      }
    }
    return high;
  }

  /**
   * Integrates the density, up to a constant factor, from 0 to x &lt;= 1/2: t^(a-1) (1-t)^(a-1), by
   * the binomial series of the second factor.
   */
  private static double integral(double x, double a) {
    double sum = 0;
    double term = Math.pow(x, a);
    for (int k = 0; term > PRECISION; k++) {
      sum += term / (k + a);
      term *= x * (k + 1 - a) / (k + 1);
    }
    return sum;
  }
}
