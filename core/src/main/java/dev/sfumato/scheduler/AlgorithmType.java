package dev.sfumato.scheduler;

import dev.sfumato.SfumatoException;
import java.util.List;

/**
 * The equation that a solver integrates: in terms of x_0 ({@code ++}) or the noise, with fresh
 * noise ({@code sde-}) or without.
 */
enum AlgorithmType {
  DPMSOLVER("dpmsolver"),
  DPMSOLVER_PLUS_PLUS("dpmsolver++"),
  SDE_DPMSOLVER("sde-dpmsolver"),
  SDE_DPMSOLVER_PLUS_PLUS("sde-dpmsolver++"),
  DEIS("deis");

  /** Names that only SA-Solver has, which is not supported. They stand for the default. */
  private static final List<String> OF_SA_SOLVER = List.of("data_prediction", "noise_prediction");

  private final String text;

  AlgorithmType(String text) {
    this.text = text;
  }

  /**
   * @throws SfumatoException for another text
   */
  static AlgorithmType parse(String text) {
    return OF_SA_SOLVER.contains(text)
        ? DPMSOLVER_PLUS_PLUS
        : Spelling.parse(AlgorithmType.class, "algorithm_type", text);
  }

  boolean isStochastic() {
    return this == SDE_DPMSOLVER || this == SDE_DPMSOLVER_PLUS_PLUS;
  }

  /** The spelling in JSON. */
  @Override
  public String toString() {
    return text;
  }
}
