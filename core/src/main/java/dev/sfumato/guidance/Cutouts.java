package dev.sfumato.guidance;

import dev.sfumato.tensor.Tensor;

/**
 * The choice of parts of pictures for a CLIP model. A part lies at the same place in all pictures
 * of a batch.
 */
public sealed interface Cutouts permits CourseCutouts, PowerLawCutouts, PooledCutouts {
  /** Returns the number of parts of each picture. */
  int count();

  /**
   * Cuts the parts out; gradients reach the pictures.
   *
   * @param pictures (B, C, H, W) in [-1, 1]
   * @param side height and width of each part
   * @param at the moment, with the generator to draw from
   * @return (count B, C, side, side), with all pictures' first parts first, not yet normalised by
   *     the CLIP model's mean and deviation
   */
  Tensor of(Tensor pictures, int side, Moment at);
}
