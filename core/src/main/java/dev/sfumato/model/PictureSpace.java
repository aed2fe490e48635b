package dev.sfumato.model;

import dev.sfumato.tensor.Rng;
import dev.sfumato.tensor.Tensor;

/**
 * What lies between the samples that a network denoises and pictures: nothing for a model of
 * pixels, an autoencoder for a model of latents.
 *
 * <p>Each picture is encoded and decoded by itself, so that a batch may be cut anywhere.
 */
public interface PictureSpace {
  /** Samples are pictures. */
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

  /** Pixels of a picture along a side for one of a sample: 8 for Stable Diffusion. */
  int scale();

  /**
   * Clean samples that stand for pictures, in the units that the network was trained in.
   *
   * @param pictures (B, 3, H, W) in [-1, 1]
   * @param random draws the posterior's noise, of the shape of the result, in one call; not used if
   *     the encoder is deterministic
   * @return (B, C, H / scale, W / scale)
   */
  Tensor encode(Tensor pictures, Rng random);

  /**
   * The pictures that clean samples stand for. Gradients flow through.
   *
   * @param x (B, C, H, W)
   * @return (B, 3, H scale, W scale), around [-1, 1] but not clamped
   */
  Tensor decode(Tensor x);
}
