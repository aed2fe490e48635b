package dev.sfumato.guidance;

import dev.sfumato.SfumatoException;
import dev.sfumato.tensor.Tensor;

/**
 * Steers towards pictures that equal their mirror image: the mean absolute difference between the
 * two.
 *
 * @param axis the mirrored direction
 */
public record SymmetryGuide(Axis axis) implements Guide {
  /** The mirrored direction. */
  public enum Axis {
    /** Left and right are alike. */
    HORIZONTAL(3),
    /** Top and bottom are alike. */
    VERTICAL(2);

    private final long dim;

    Axis(long dim) {
      this.dim = dim;
    }
  }

  /**
   * Reads {@code horizontal} or {@code vertical}.
   *
   * @throws SfumatoException for another text
   */
  public static SymmetryGuide parse(String text) {
    return switch (text) {
      case "horizontal" -> new SymmetryGuide(Axis.HORIZONTAL);
      case "vertical" -> new SymmetryGuide(Axis.VERTICAL);
      default ->
          throw new SfumatoException(
              "symmetry '" + text + "' is unknown: use horizontal (left and right) or vertical");
    };
  }

  @Override
  public Tensor loss(Tensor predictedX0, Moment at) {
    return predictedX0.sub(predictedX0.flip(axis.dim)).abs().mean();
  }
}
