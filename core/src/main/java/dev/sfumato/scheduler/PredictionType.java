package dev.sfumato.scheduler;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonValue;
import dev.sfumato.SfumatoException;

/**
 * The quantity that the network predicts from x_t; {@link NoiseLevel} converts one into the other.
 */
public enum PredictionType {
  /** The noise that was added. */
  EPSILON,
  /** The clean picture x_0. */
  SAMPLE,
  /** The velocity sqrt(alphaCumprod) eps - sqrt(1 - alphaCumprod) x_0. */
  V_PREDICTION;

  /**
   * Reads {@code epsilon}, {@code sample} or {@code v_prediction}.
   *
   * @throws SfumatoException for another text
   */
  @JsonCreator
  public static PredictionType parse(String text) {
    return Spelling.parse(PredictionType.class, "prediction_type", text);
  }

  /** The spelling in JSON and on the command line. */
  @JsonValue
  @Override
  public String toString() {
    return Spelling.of(this);
  }
}
