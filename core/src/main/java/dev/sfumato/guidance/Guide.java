package dev.sfumato.guidance;

import dev.sfumato.tensor.Tensor;

/**
 * A goal for pictures: a loss that falls as they come closer to it. Guidance moves the noisy
 * picture against the loss's gradient.
 *
 * <pre>{@code
 * Guide bright = (predictedX0, at) -> predictedX0.sub(1).abs().mean();
 * }</pre>
 */
@FunctionalInterface
public interface Guide {
  /**
   * Computes the loss with operations of {@link Tensor}, so that it has a gradient. Its temporary
   * tensors are freed after the step.
   *
   * @param predictedX0 the clean pictures (B, C, H, W) that the network expects, decoded where it
   *     works on latents; in [-1, 1], where the scheduler limits them
   * @param at the moment of sampling, for a guide whose loss depends on it or draws at random
   * @return one element, usually a mean over the batch
   */
  Tensor loss(Tensor predictedX0, Moment at);
}
