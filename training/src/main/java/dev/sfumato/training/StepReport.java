package dev.sfumato.training;

import java.util.Map;

/**
 * What one optimiser step did.
 *
 * @param step its number, from 1
 * @param epoch its epoch, from 0
 * @param images pictures seen since the start of the run
 * @param loss the mean over its micro-batches
 * @param learningRate used
 * @param gradNorm the norm of the gradient before clipping
 * @param seconds it took
 */
public record StepReport(
    long step,
    int epoch,
    long images,
    double loss,
    double learningRate,
    double gradNorm,
    double seconds) {

  /** What is drawn as curves, by the names that trackers show. */
  public Map<String, Double> curves() {
    return Map.of("loss", loss, "learning_rate", learningRate, "grad_norm", gradNorm);
  }
}
