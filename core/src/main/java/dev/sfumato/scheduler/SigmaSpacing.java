package dev.sfumato.scheduler;

import java.util.stream.IntStream;

/** The spacing of a run's noise levels between the largest and the smallest sigma. */
enum SigmaSpacing {
  /** At the timesteps of the run. */
  TRAINED("") {
    @Override
    double at(double u, double first, double last) {
      throw new AssertionError("the timesteps say");
    }
  },
  /** Evenly in sigma^(1/7), dense near the clean picture (Karras et al. 2022, eq. 5). */
  KARRAS("use_karras_sigmas") {
    @Override
    double at(double u, double first, double last) {
      double from = Math.pow(first, 1 / RHO);
      double to = Math.pow(last, 1 / RHO);
      return Math.pow(from + u * (to - from), RHO);
    }
  },
  /** Evenly in log(sigma), which is rounded to single precision (Lu et al. 2022). */
  LU("use_lu_lambdas") {
    @Override
    double at(double u, double first, double last) {
      double from = (float) Math.log(first);
      return Math.exp(from + u * ((float) Math.log(last) - from));
    }
  },
  /** Evenly in log(sigma). */
  EXPONENTIAL("use_exponential_sigmas") {
    @Override
    double at(double u, double first, double last) {
      double from = Math.log(first);
      return Math.exp(from + u * (Math.log(last) - from));
    }
  },
  /** At quantiles of Beta(0.6, 0.6), dense at both ends (Lee et al. 2024, 2407.12173). */
  BETA("use_beta_sigmas") {
    @Override
    double at(double u, double first, double last) {
      return last + SymmetricBeta.quantile(1 - u, 0.6) * (first - last);
    }
  };

  private static final double RHO = 7;

  private final String flag;

  SigmaSpacing(String flag) {
    this.flag = flag;
  }

  /**
   * Returns the key in {@code scheduler_config.json} that switches it on; empty for {@link
   * #TRAINED}.
   */
  String flag() {
    return flag;
  }

  /** Returns {@code count} sigmas from {@code first} to {@code last}, falling. */
  double[] between(double first, double last, int count) {
    return IntStream.range(0, count)
        .mapToDouble(i -> at(count == 1 ? 0 : i / (double) (count - 1), first, last))
        .toArray();
  }

  abstract double at(double u, double first, double last);
}
