package dev.sfumato.guidance;

import dev.sfumato.SfumatoException;
import dev.sfumato.tensor.Functional;
import dev.sfumato.tensor.Rng;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * The cutouts of unit 2 of the Hugging Face diffusion models course, draw for draw: torchvision's
 * {@code RandomResizedCrop}, {@code RandomAffine(5)} and {@code RandomHorizontalFlip}.
 *
 * <p>As in the course, pixels stay in [-1, 1], although CLIP models were trained on [0, 1].
 *
 * @param count the number of parts of each picture
 */
public record CourseCutouts(int count) implements Cutouts {
  private static final double SMALLEST_AREA = 0.08;
  private static final float[] ASPECT_RATIOS = {3 / 4f, 4 / 3f};
  private static final int ATTEMPTS = 10;
  private static final double DEGREES = 5;

  /**
   * @throws SfumatoException if {@code count} is below 1
   */
  public CourseCutouts {
    if (count < 1) {
      throw new SfumatoException("cuts must be at least 1, not " + count);
    }
  }

  @Override
  public Tensor of(Tensor pictures, int side, Moment at) {
    return Scope.run(
        () -> {
          Stream<Tensor> cuts = IntStream.range(0, count).mapToObj(i -> cut(pictures, side, at));
          return Tensor.cat(cuts.toList(), 0);
        });
  }

  private static Tensor cut(Tensor pictures, int side, Moment at) {
    return Scope.run(
        () -> {
          Rng random = at.random();
          Tensor crop = Crop.draw(random, pictures.size(2), pictures.size(3)).of(pictures);
          Tensor square = rotated(Functional.resize(crop, side, side), angle(random));
          return random.uniform(1).item() < 0.5 ? square.flip(3) : square;
        });
  }

  private static double angle(Rng random) {
    return Math.toRadians(random.uniformBetween(-DEGREES, DEGREES).item());
  }

  /** Rotates about the centre; each pixel is the nearest of {@code x}, black beyond the border. */
  private static Tensor rotated(Tensor x, double angle) {
    int side = (int) x.size(3);
    float cos = (float) Math.cos(angle);
    float sin = (float) Math.sin(angle);
    Tensor inverse = Tensor.of(new float[] {cos, -sin, sin, cos}, 1, 2, 2).div(0.5 * side);
    Tensor offsets = Tensor.arange(side).sub((side - 1) / 2.0);
    Tensor columns = offsets.reshape(1, side).expand(side, side);
    Tensor rows = offsets.reshape(side, 1).expand(side, side);
    Tensor places = Tensor.stack(List.of(columns, rows), 2).reshape(1, -1, 2);
    Tensor grid = Functional.matmul(places, inverse).reshape(1, side, side, 2);
    return Functional.sampleNearest(x, grid.to(x.device()).expand(x.size(0), side, side, 2));
  }

  /** A rectangle of a picture. */
  private record Crop(long top, long left, long height, long width) {
    Tensor of(Tensor pictures) {
      return pictures.narrow(2, top, height).narrow(3, left, width);
    }

    /**
     * Draws a rectangle of random area and proportions, as {@code RandomResizedCrop.get_params}.
     */
    static Crop draw(Rng random, long height, long width) {
      Tensor logRatios = Tensor.of(ASPECT_RATIOS, 2).log();
      double low = logRatios.select(0, 0).item();
      double high = logRatios.select(0, 1).item();
      for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
        double area = height * width * random.uniformBetween(SMALLEST_AREA, 1).item();
        double ratio = random.uniformBetween(low, high).exp().item();
        long w = (long) Math.rint(Math.sqrt(area * ratio));
        long h = (long) Math.rint(Math.sqrt(area / ratio));
        if (0 < w && w <= width && 0 < h && h <= height) {
          long top = (long) random.integers(0, height - h + 1, 1).item();
          long left = (long) random.integers(0, width - w + 1, 1).item();
          return new Crop(top, left, h, w);
        }
      }
      return central(height, width);
    }

    /** Returns the largest rectangle of allowed proportions. */
    private static Crop central(long height, long width) {
      double ratio = (double) width / height;
      long w = ratio > ASPECT_RATIOS[1] ? (long) Math.rint(height * (4 / 3.0)) : width;
      long h = ratio < ASPECT_RATIOS[0] ? (long) Math.rint(width / (3 / 4.0)) : height;
      return new Crop((height - h) / 2, (width - w) / 2, h, w);
    }
  }
}
