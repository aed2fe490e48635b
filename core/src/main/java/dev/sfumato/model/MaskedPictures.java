package dev.sfumato.model;

import dev.sfumato.tensor.Functional;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.util.List;

/**
 * Pictures of which a part is to be drawn anew. The U-Net of an inpainting model reads the mask and
 * the latents of the known part besides the noisy latents (Rombach et al., 2022).
 *
 * @param pictures (B, C, H, W) in [-1, 1]
 * @param redraw (1 or B, 1, H, W), 1 where they are drawn anew and 0 elsewhere
 */
public record MaskedPictures(Tensor pictures, Tensor redraw) {
  /** Returns the known part (B, C, H, W), which is grey elsewhere. */
  public Tensor known() {
    return Scope.run(() -> pictures.filled(redraw.neg().lessThan(0), 0));
  }

  /** Returns the mask (1 or B, 1, h, w) in the size of latents (B, C, h, w), by nearest. */
  public Tensor mask(Tensor latents) {
    return Functional.upsampleNearest(redraw, latents.size(2), latents.size(3));
  }

  /**
   * Returns what the U-Net reads besides the noisy latents: the mask and the latents (B, 1 + C, h,
   * w), on their device.
   *
   * @param latents the scaled latents of {@link #known}, (B, C, h, w)
   */
  public Tensor channels(Tensor latents) {
    return Scope.run(() -> Tensor.cat(List.of(mask(latents).to(latents.device()), latents), 1));
  }
}
