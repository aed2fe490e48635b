package dev.sfumato.guidance;

import dev.sfumato.SfumatoException;
import dev.sfumato.tensor.Functional;
import dev.sfumato.tensor.Rng;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * The cutouts of {@code clip_guided_stable_diffusion}, a community pipeline of diffusers, draw for
 * draw: squares at random places, averaged to the CLIP model's side, with sides
 *
 * <pre>smallest + (largest - smallest) u^power,   u uniform in [0, 1)</pre>
 *
 * rounded down, where largest is the picture's shorter side, and smallest is the CLIP model's side,
 * but at most largest. Pixels are scaled to [0, 1].
 *
 * @param count the number of parts of each picture
 * @param power 1 makes all sizes equally likely; larger values favour small ones
 */
public record PooledCutouts(int count, double power) implements Cutouts {
  /**
   * @throws SfumatoException if a number is out of range
   */
  public PooledCutouts {
    if (count < 1) {
      throw new SfumatoException("cuts must be at least 1, not " + count);
    }
    if (!(power > 0 && power < Double.POSITIVE_INFINITY)) {
      throw new SfumatoException("cut-pool must be above 0, not " + power);
    }
  }

  @Override
  public Tensor of(Tensor pictures, int side, Moment at) {
    return Scope.run(
        () -> {
          Tensor x = pictures.add(1).div(2);
          Stream<Tensor> cuts = IntStream.range(0, count).mapToObj(i -> cut(x, side, at.random()));
          return Tensor.cat(cuts.toList(), 0);
        });
  }

  private Tensor cut(Tensor x, int side, Rng random) {
    return Scope.run(
        () -> {
          long largest = Math.min(x.size(2), x.size(3));
          long smallest = Math.min(largest, side);
          float drawn = (float) Math.pow(random.uniform(1).item(), power);
          long size = (long) (drawn * (largest - smallest) + smallest);
          long left = (long) random.integers(0, x.size(3) - size + 1, 1).item();
          long top = (long) random.integers(0, x.size(2) - size + 1, 1).item();
          Tensor crop = x.narrow(2, top, size).narrow(3, left, size);
          return Functional.averageTo(crop, side, side);
        });
  }
}
