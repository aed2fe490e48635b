package dev.sfumato.model;

import dev.sfumato.tensor.Rng;
import dev.sfumato.tensor.Tensor;

/**
 * The mapping between pictures and the samples that a network denoises: the identity for a pixel
 * model, an autoencoder for a latent model.
 *
 * <p>Each picture is encoded and decoded separately, so a batch may be split anywhere.
 */
public interface PictureSpace {
  /** The identity: samples are pictures. */
  PictureSpace PIXELS =
      new PictureSpace() {
        @Override
        public int scale() {
          return 1;
        }

        @Override
        public Tensor encode(Tensor pictures, Rng random) {
          return pictures;
        }

        @Override
        public Tensor decode(Tensor x) {
          return x;
        }
      };

  /** Returns the side, in pixels of a picture, of one pixel of a sample: 8 for Stable Diffusion. */
  int scale();

  /**
   * Encodes pictures as clean samples, in the units of the network's training.
   *
   * @param pictures (B, 3, H, W) in [-1, 1]
   * @param random draws the posterior's noise, of the shape of the result, in one call; not used if
   *     the encoder is deterministic
   * @return (B, C, H / scale, W / scale)
   */
  Tensor encode(Tensor pictures, Rng random);

  /**
   * Decodes clean samples to pictures. Gradients flow through.
   *
   * @param x (B, C, H, W)
   * @return (B, 3, H scale, W scale), around [-1, 1] but not clamped
   */
  Tensor decode(Tensor x);
}
