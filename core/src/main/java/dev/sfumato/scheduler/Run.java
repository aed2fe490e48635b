package dev.sfumato.scheduler;

import dev.sfumato.tensor.Tensor;
import java.util.Optional;

/**
 * One sampling: its steps in order, and the memory of the update rule from step to step. Not
 * thread-safe. Tensors are (B, C, H, W), or (B, C) for models of vectors, on any device; arguments
 * are not changed or freed.
 *
 * <p>Each {@link Step} is one evaluation of the model: rules with two evaluations per step, such as
 * Heun's, have more steps than requested. A step may be repeated from another x, which overwrites
 * its own memory and that of later steps. The memory is freed with the scope in which the run
 * began.
 */
public interface Run extends Iterable<Step> {
  /** Returns the standard deviation of the initial noise. */
  double initNoiseSigma();

  /**
   * Returns the cumulative product of alphas at the noise level of {@code step}, between 0 (noise)
   * and 1 (clean): the share of the picture's variance in {@code x}.
   */
  double alphaCumprod(Step step);

  /** Returns the step after {@code step}; empty after the last. */
  Optional<Step> following(Step step);

  /**
   * Returns the share of the picture's variance after {@link #step}: {@link #alphaCumprod} of the
   * next step, and 1 after the last.
   */
  double nextAlphaCumprod(Step step);

  /**
   * Returns whether {@link #step} keeps a change of its {@code x}. Where a rule only looks for the
   * derivative at {@code x}, it goes on from an earlier x, and a change would count the other way.
   */
  default boolean keepsChanges(Step step) {
    return true;
  }

  /** Returns the factor that gives {@code x} a standard deviation of 1. */
  double inputScale(Step step);

  /** Returns the quantity that the model predicts. */
  PredictionType predictionType();

  /**
   * Adds the noise with which {@code step} begins to clean samples, in the units of this run, as a
   * start for img2img.
   *
   * @param x0 clean samples (B, ...)
   * @param noise standard normal, of the same shape
   */
  Tensor addNoise(Tensor x0, Tensor noise, Step step);

  /** Returns the model's input for {@code x} at {@code step}: x times {@link #inputScale}. */
  Tensor scaleModelInput(Tensor x, Step step);

  /**
   * Returns the clean picture {@code predictedX0} that follows from the model's output, limited as
   * the configuration says. Gradients flow through it to both tensors.
   *
   * @param modelOutput (B, C, H, W), or (B, 2C, H, W) from a model that learned its variance
   * @throws dev.sfumato.SfumatoException if the shapes do not fit
   */
  Tensor predictX0(Tensor modelOutput, Tensor x, Step step);

  /**
   * Moves {@code x} one step closer to a picture. Draws the rule's noise, if any, for the whole
   * batch in one call.
   *
   * @param modelOutput as for {@link #predictX0}
   * @return (B, C, H, W), of the type and on the device of {@code x}
   * @throws dev.sfumato.SfumatoException if the shapes do not fit
   */
  Tensor step(Tensor modelOutput, Tensor x, Step step);
}
