package dev.sfumato.guidance;

import dev.sfumato.tensor.Tensor;
import java.util.Map;
import java.util.Optional;

/**
 * The input of a scheduler's step.
 *
 * @param modelOutput the network's output (B, C', H, W), including classifier-free guidance
 * @param x the noisy pictures (B, C, H, W), moved by the guides
 * @param losses the losses of the guides that act at this step, by name, without scale
 * @param gradientNorm the Euclidean norm of the gradient of the weighted sum of the losses with
 *     respect to x over the whole batch, before it is clamped; 0 if no guide acts
 * @param warning what went wrong with the guides at this step, one line; empty if nothing did
 */
public record Prediction(
    Tensor modelOutput,
    Tensor x,
    Map<String, Double> losses,
    double gradientNorm,
    Optional<String> warning) {
  /** Returns the same with other noisy pictures. */
  Prediction withX(Tensor x) {
    return new Prediction(modelOutput, x, losses, gradientNorm, warning);
  }

  /** Returns the same with a warning. */
  Prediction withWarning(Optional<String> line) {
    return new Prediction(modelOutput, x, losses, gradientNorm, line);
  }
}
