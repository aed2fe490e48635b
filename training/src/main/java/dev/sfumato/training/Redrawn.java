package dev.sfumato.training;

import dev.sfumato.data.Batch;
import dev.sfumato.tensor.Tensor;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

/**
 * The part of a picture that an inpainting model learns to draw anew. A random part is all of it in
 * a quarter of the cases, as in the training of Stable Diffusion's inpainting model, and otherwise
 * a rectangle or an ellipse.
 *
 * @param mask 1 where the picture is drawn anew and 0 elsewhere, row-major
 * @param random whether it was drawn at random
 */
record Redrawn(float[] mask, boolean random) {
  /** The uniform numbers of a random part: its kind, height, width, top and left. */
  static final int NUMBERS = 5;

  private static final double ALL = 0.25;
  private static final double RECTANGLE = ALL + (1 - ALL) / 2; // the rest are ellipses

  /**
   * Returns the part of each picture of a batch: where its mask is white, or a random one if it has
   * no mask or all of it is white.
   *
   * @param numbers uniform ones (B, {@link #NUMBERS})
   */
  static List<Redrawn> of(Batch batch, Tensor numbers) {
    int height = (int) batch.images().size(2);
    int width = (int) batch.images().size(3);
    return IntStream.range(0, batch.size())
        .mapToObj(
            i ->
                own(batch, i)
                    .map(mask -> new Redrawn(mask, false))
                    .orElseGet(
                        () ->
                            new Redrawn(
                                drawn(numbers.select(0, i).toFloats(), height, width), true)))
        .toList();
  }

  private static Optional<float[]> own(Batch batch, int picture) {
    return batch
        .masks()
        .map(masks -> white(masks.select(0, picture).toFloats()))
        .filter(mask -> !isAll(mask));
  }

  /**
   * Returns whether the rest of the picture will be seen again.
   *
   * @param moving whether another part of the picture is taken in each epoch
   */
  boolean leavesTheSame(boolean moving) {
    return isAll(mask) || !random && !moving;
  }

  private static float[] white(float[] weights) {
    float[] mask = new float[weights.length];
    for (int i = 0; i < mask.length; i++) {
      mask[i] = weights[i] < 0.5 ? 0 : 1;
    }
    return mask;
  }

  private static boolean isAll(float[] mask) {
    for (float value : mask) {
      if (value == 0) {
        return false;
      }
    }
    return true;
  }

  private static float[] drawn(float[] numbers, int height, int width) {
    float[] mask = new float[height * width];
    if (numbers[0] < ALL) {
      Arrays.fill(mask, 1);
      return mask;
    }
    double tall = numbers[1] * (double) height;
    double wide = numbers[2] * (double) width;
    double middle = numbers[3] * (height - tall) + tall / 2;
    double centre = numbers[4] * (width - wide) + wide / 2;
    for (int i = 0; i < mask.length; i++) {
      double y = Math.abs(i / width + 0.5 - middle) / (tall / 2);
      double x = Math.abs(i % width + 0.5 - centre) / (wide / 2);
      boolean inside = numbers[0] < RECTANGLE ? Math.max(y, x) <= 1 : y * y + x * x <= 1;
      mask[i] = inside ? 1 : 0;
    }
    return mask;
  }
}
