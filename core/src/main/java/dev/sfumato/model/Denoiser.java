package dev.sfumato.model;

import dev.sfumato.SfumatoException;
import dev.sfumato.tensor.Device;
import dev.sfumato.tensor.Precision;
import dev.sfumato.tensor.Tensor;

/**
 * The network of a diffusion model, as samplers and guides see it: noisy samples in, predictions
 * out. All other inputs travel as one {@link Condition}.
 *
 * <p>x is (B, C, H, W), pixels or an autoencoder's latents, or (B, C) for a model of vectors, such
 * as the prior of unCLIP. Any number of threads may use a network in evaluation mode at once.
 */
public interface Denoiser {
  /** The number of channels C of x, without those that a {@link Condition} adds. */
  int channels();

  /** The device of the weights, on which x and the condition must be. */
  Device device();

  /** Returns the arithmetic in which it computes. */
  default Precision precision() {
    return Precision.FP32;
  }

  /**
   * Requires that the network accepts x of {@code height} by {@code width}.
   *
   * @throws SfumatoException that lists the sizes it accepts
   */
  void requireSize(long height, long width);

  /**
   * Predicts the noise, or whatever the scheduler's prediction type names.
   *
   * @param x noisy samples (B, C, H, W), or (B, C)
   * @param timesteps (B)
   * @param condition B rows; parts that the network does not use are ignored
   * @return (B, C', H, W) or (B, C') float32, with C' = 2C if the model also predicts variances
   * @throws SfumatoException if the condition lacks what the network needs
   */
  Tensor forward(Tensor x, Tensor timesteps, Condition condition);
}
