package dev.sfumato.scheduler;

import dev.sfumato.tensor.Tensor;

/**
 * One sampling: its steps in order, and what the update rule remembers from step to step. For one
 * thread. Tensors are (B, C, H, W), or (B, C) for models of vectors, on any device; none that is
 * passed in is changed or freed.
 *
 * <p>Each {@link Step} is one evaluation of the model: rules that evaluate it twice for a step of
 * theirs, such as Heun's, have more steps than were asked for. A step may be taken again from
 * another x; what it and later ones had left to be remembered is overwritten. What is remembered is
 * freed with the scope in which the run was begun.
 */
public interface Run extends Iterable<Step> {
  /** The standard deviation of the noise to start from. */
  double initNoiseSigma();

  /**
   * The cumulative product of alphas at the noise level of {@code step}, between 0 (noise) and 1
   * (clean): the share of the picture's variance in {@code x}.
   */
  double alphaCumprod(Step step);

  /**
   * The share of the picture's variance that {@link #step} leads to: {@link #alphaCumprod} of the
   * next step, and 1 after the last.
   */
  double nextAlphaCumprod(Step step);

  /** The standard deviation of {@code x} is 1 once it is multiplied by this. */
  double inputScale(Step step);

  /** What the model predicts. */
  PredictionType predictionType();

  /**
   * Clean samples as noisy as those that {@code step} begins with, in the units of this run: what
   * img2img starts from.
   *
   * @param x0 clean samples (B, ...)
   * @param noise standard normal, of the same shape
   */
  Tensor addNoise(Tensor x0, Tensor noise, Step step);

  /** What the model is given for {@code x} at {@code step}: x times {@link #inputScale}. */
  Tensor scaleModelInput(Tensor x, Step step);

  /**
   * The clean picture that the model's output amounts to, limited as the configuration says: {@code
   * predictedX0}. Gradients flow through it to both tensors.
   *
   * @param modelOutput (B, C, H, W), or (B, 2C, H, W) from a model that learned its variance
   * @throws dev.sfumato.SfumatoException if the shapes do not fit
   */
  Tensor predictX0(Tensor modelOutput, Tensor x, Step step);

  /**
   * {@code x} one step closer to a picture. Draws the rule's noise, if any, for the whole batch in
   * one call.
   *
   * @param modelOutput as for {@link #predictX0}
   * @return (B, C, H, W), of the type and on the device of {@code x}
   * @throws dev.sfumato.SfumatoException if the shapes do not fit
   */
  Tensor step(Tensor modelOutput, Tensor x, Step step);
}
