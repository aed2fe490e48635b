package dev.sfumato.tracking;

import java.util.Map;
import java.util.OptionalDouble;

/**
 * What one pass over the data did.
 *
 * @param epoch its number, from 0
 * @param step the number of its last optimiser step
 * @param images pictures seen in it
 * @param loss the mean loss of its pictures while they were trained on
 * @param validationLoss the fixed-noise loss after it, if it was measured
 * @param seconds its optimiser steps took
 */
public record EpochReport(
    int epoch, long step, long images, double loss, OptionalDouble validationLoss, double seconds) {

  /** What is drawn as curves, by the names that trackers show. */
  public Map<String, Double> curves() {
    return validationLoss.isEmpty()
        ? Map.of("epoch/loss", loss)
        : Map.of("epoch/loss", loss, "validation_loss", validationLoss.getAsDouble());
  }
}
