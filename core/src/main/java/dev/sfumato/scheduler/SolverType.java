package dev.sfumato.scheduler;

import dev.sfumato.SfumatoException;

/**
 * How a solver approximates its integral. A solver reads the name of another one's as its own
 * default, so that a configuration can be shared.
 */
enum SolverType {
  /** DPM-Solver: the derivative counts as in the midpoint method. */
  MIDPOINT,
  /** DPM-Solver: as in Heun's method. */
  HEUN,
  /** DEIS: polynomials in log(rho). */
  LOGRHO,
  /** UniPC: B(h) = h. */
  BH1,
  /** UniPC: B(h) = e^h - 1. */
  BH2;

  /**
   * @throws SfumatoException for another text
   */
  static SolverType parse(String text) {
    return Spelling.parse(SolverType.class, "solver_type", text);
  }

  /** The spelling in JSON. */
  @Override
  public String toString() {
    return Spelling.of(this);
  }
}
