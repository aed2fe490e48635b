package dev.sfumato.model;

import dev.sfumato.SfumatoException;
import dev.sfumato.tensor.Device;
import dev.sfumato.tensor.Tensor;

/**
 * The network of a diffusion model, as samplers and guides see it: noisy in, prediction out. What
 * it is told besides travels as one {@link Condition}.
 *
 * <p>x is (B, C, H, W), pixels or an autoencoder's latents, or (B, C) for a model of vectors, such
 * as the prior of unCLIP. A network in evaluation is for any number of threads at once.
 */
public interface Denoiser {
  /** The number of channels C of x, without those that a {@link Condition} adds. */
  int channels();

  /** The device of the weights, on which x and the condition must be. */
  Device device();

  /**
   * Requires that the network takes x of {@code height} by {@code width}.
   *
   * @throws SfumatoException saying which sizes it takes
   */
  void requireSize(long height, long width);

  /**
   * Predicts what the scheduler's prediction type says, usually the noise.
   *
   * @param x noisy samples (B, C, H, W), or (B, C)
   * @param timesteps (B)
   * @param condition of B rows; what the network does not use is not read
   * @return (B, C', H, W) or (B, C') float32, with C' = 2C where the model also predicts variances
   * @throws SfumatoException if the condition lacks what the network needs
   */
  Tensor forward(Tensor x, Tensor timesteps, Condition condition);
}
