package dev.sfumato.scheduler;

/** rho of UniPC (Zhao et al. 2023, theorem 3.1): the weights that give a step its order. */
final class UniPcWeights {
  private UniPcWeights() {}

  /**
   * Solves, for the corrector with all p shares r of h and for the predictor without the last:
   *
   * <pre>sum over k of r_k^(i-1) rho_k = i! phi_(i+1)(h) h / B(h),  i = 1 to p</pre>
   *
   * The first-order corrector and the second-order predictor take 1/2, which is right for any B.
   */
  static double[] of(float[] r, float h, float b, boolean corrects) {
    int unknowns = corrects ? r.length : r.length - 1;
    if (corrects ? r.length == 1 : r.length == 2) {
      return new double[] {0.5};
    }
    double[][] rows = new double[unknowns][unknowns + 1];
    double phi = Math.expm1(h) / h - 1; // h phi_2(h)
    double factorial = 1;
    for (int i = 0; i < unknowns; i++) {
      for (int k = 0; k < unknowns; k++) {
        rows[i][k] = Math.pow(r[k], i);
      }
      rows[i][unknowns] = phi * factorial / b;
      factorial *= i + 2;
      phi = phi / h - 1 / factorial;
    }
    return solve(rows);
  }

  /** Solves by Gauss-Jordan elimination; the shares differ, so there is one solution. */
  private static double[] solve(double[][] rows) {
    int n = rows.length;
    for (int column = 0; column < n; column++) {
      int pivot = column;
      for (int row = column + 1; row < n; row++) {
        if (Math.abs(rows[row][column]) > Math.abs(rows[pivot][column])) {
          pivot = row;
        }
      }
      double[] best = rows[pivot];
      rows[pivot] = rows[column];
      rows[column] = best;
      for (int row = 0; row < n; row++) {
        double factor = rows[row][column] / best[column];
        for (int k = column; row != column && k <= n; k++) {
          rows[row][k] -= factor * best[k];
        }
      }
    }
    double[] solution = new double[n];
    for (int i = 0; i < n; i++) {
      solution[i] = rows[i][n] / rows[i][i];
    }
    return solution;
  }
}
