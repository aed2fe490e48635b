package dev.sfumato.guidance;

import dev.sfumato.tensor.Tensor;
import java.util.Map;

/**
 * The input of a scheduler's step.
 *
 * @param modelOutput the network's output (B, C', H, W), including classifier-free guidance
 * @param x the noisy pictures (B, C, H, W), moved by the guides
 * @param losses the losses of the guides that act at this step, by name, without scale
 * @param gradientNorm the Euclidean norm of the gradient of the weighted sum of the losses with
 *     respect to x over the whole batch, before it is clamped; 0 if no guide acts
 */
public record Prediction(
    Tensor modelOutput, Tensor x, Map<String, Double> losses, double gradientNorm) {
  /** Returns the same with other noisy pictures. */
  Prediction withX(Tensor x) {
    return new Prediction(modelOutput, x, losses, gradientNorm);
  }
}
