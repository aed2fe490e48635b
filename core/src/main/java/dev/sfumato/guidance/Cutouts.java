package dev.sfumato.guidance;

import dev.sfumato.tensor.Tensor;

/**
 * Which parts of the pictures a CLIP model is shown. A part is the same for all pictures of a
 * batch.
 */
public sealed interface Cutouts permits CourseCutouts, PowerLawCutouts {
  /** How many parts of each picture. */
  int count();

  /**
   * Cuts the parts out; gradients go through.
   *
   * @param pictures (B, C, H, W) in [-1, 1]
   * @param side height and width of what is wanted
   * @param at the moment, with the generator to draw from
   * @return (count B, C, side, side), all pictures' first parts first; to be normalised by the mean
   *     and deviation of the CLIP model
   */
  Tensor of(Tensor pictures, int side, Moment at);
}
