package dev.sfumato.scheduler;

import dev.sfumato.SfumatoException;

/**
 * A solver's approximation of its integral. A solver reads another solver's name as its own
 * default, so a configuration can be shared.
 */
enum SolverType {
  /** DPM-Solver: the derivative is weighted as in the midpoint method. */
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
