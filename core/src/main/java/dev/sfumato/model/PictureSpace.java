package dev.sfumato.model;

import dev.sfumato.tensor.Functional;
import dev.sfumato.tensor.Rng;
import dev.sfumato.tensor.Scope;
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

  /** The height and width, in pixels, that a preview has at most. */
  int PREVIEW = 128;

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

  /**
   * Decodes clean samples to small, rough pictures, for a look at them on the way. Large samples
   * are made smaller before they are decoded, so this costs a fraction of {@link #decode}.
   *
   * @param x (B, C, H, W)
   * @return (B, 3, h, w) of the same proportions, at most {@link #PREVIEW} pixels high and wide
   */
  default Tensor preview(Tensor x) {
    double smaller = Math.min(1, PREVIEW / scale() / (double) Math.max(x.size(2), x.size(3)));
    return smaller == 1
        ? decode(x)
        : Scope.run(
            () ->
                decode(
                    Functional.resize(
                        x,
                        Math.max(1, Math.round(x.size(2) * smaller)),
                        Math.max(1, Math.round(x.size(3) * smaller)))));
  }
}
