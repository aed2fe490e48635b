package dev.sfumato.guidance;

import dev.sfumato.tensor.Tensor;

/**
 * Something that pictures should be: a loss that is the smaller the more they are it. Guidance
 * moves the noisy picture against the loss's gradient.
 *
 * <pre>{@code
 * Guide bright = (predictedX0, at) -> predictedX0.sub(1).abs().mean();
 * }</pre>
 */
@FunctionalInterface
public interface Guide {
  /**
   * The loss, computed with operations of {@link Tensor} so that it has a gradient. What it makes
   * on the way is freed after the step.
   *
   * @param predictedX0 the clean pictures (B, C, H, W) that the network expects, decoded where it
   *     works on latents; in [-1, 1], where the scheduler limits them
   * @param at the moment of sampling, for a guide whose loss needs to know it or draws at random
   * @return one element, usually a mean over the batch
   */
  Tensor loss(Tensor predictedX0, Moment at);
}
