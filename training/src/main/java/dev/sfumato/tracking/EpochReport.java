package dev.sfumato.tracking;

import java.util.Map;
import java.util.OptionalDouble;

/**
 * The results of one pass over the data.
 *
 * @param epoch its number, from 0
 * @param step the number of its last optimiser step
 * @param images pictures seen in it
 * @param loss the mean training loss of its pictures
 * @param validationLoss the fixed-noise loss after it, if it was measured
 * @param seconds the time of its optimiser steps
 */
public record EpochReport(
    int epoch, long step, long images, double loss, OptionalDouble validationLoss, double seconds) {

  /** Returns the values of the curves, by their names in trackers. */
  public Map<String, Double> curves() {
    return validationLoss.isEmpty()
        ? Map.of("epoch/loss", loss)
        : Map.of("epoch/loss", loss, "validation_loss", validationLoss.getAsDouble());
  }
}
