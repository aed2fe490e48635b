package dev.sfumato.model;

import dev.sfumato.tensor.Rng;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;

/**
 * Latents of an {@link AutoencoderKL}, scaled as a diffusion model works on them. The autoencoder
 * computes in float32 whatever the U-Net computes in: half precision overflows in it.
 *
 * @param autoencoder what encodes and decodes
 * @param tiled whether large pictures go through it in tiles
 */
public record LatentSpace(AutoencoderKL autoencoder, boolean tiled) implements PictureSpace {
  @Override
  public int scale() {
    return autoencoder.config().reduction();
  }

  @Override
  public Tensor encode(Tensor pictures, Rng random) {
    return Scope.run(
        () -> {
          Posterior posterior =
              tiled ? autoencoder.encodeTiled(pictures) : autoencoder.encode(pictures);
          return autoencoder.scale(posterior.sample(random));
        });
  }

  @Override
  public Tensor decode(Tensor x) {
    return Scope.run(
        () -> {
          Tensor latents = autoencoder.unscale(x);
          return tiled ? autoencoder.decodeTiled(latents) : autoencoder.decode(latents);
        });
  }
}
