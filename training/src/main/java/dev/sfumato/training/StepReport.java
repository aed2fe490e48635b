package dev.sfumato.training;

import java.util.Map;

/**
 * The results of one optimiser step.
 *
 * @param step its number, from 1
 * @param epoch its epoch, from 0
 * @param images pictures seen since the start of the run
 * @param loss the mean over its micro-batches
 * @param learningRate the learning rate of the step
 * @param gradNorm the norm of the gradient before clipping
 * @param seconds the time of the step
 */
public record StepReport(
    long step,
    int epoch,
    long images,
    double loss,
    double learningRate,
    double gradNorm,
    double seconds) {

  /** Returns the values of the curves, by their names in trackers. */
  public Map<String, Double> curves() {
    return Map.of("loss", loss, "learning_rate", learningRate, "grad_norm", gradNorm);
  }
}
