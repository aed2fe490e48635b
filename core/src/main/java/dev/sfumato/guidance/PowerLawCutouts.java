package dev.sfumato.guidance;

import dev.sfumato.SfumatoException;
import dev.sfumato.tensor.Functional;
import dev.sfumato.tensor.Rng;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;

/**
 * Cutouts after Disco Diffusion: some show the whole picture, in turn plain, mirrored, gray, and
 * mirrored and gray. The others show squares at random places, mirrored at random, with sides
 *
 * <pre>smallest + (largest - smallest) u^power,   u uniform in [0, 1)</pre>
 *
 * where largest is the picture's shorter side, and smallest is the CLIP model's side, but at most
 * half of largest. Pixels are scaled to [0, 1].
 *
 * @param count the number of parts of each picture
 * @param power 1 makes all sizes equally likely; larger values favour small ones
 * @param firstOverview the share of cuts, 0 to 1, that show the whole picture at the first step
 * @param lastOverview the same share at the last step, with even changes in between
 */
public record PowerLawCutouts(int count, double power, double firstOverview, double lastOverview)
    implements Cutouts {
  /**
   * @throws SfumatoException if a number is out of range
   */
  public PowerLawCutouts {
    if (count < 1) {
      throw new SfumatoException("cuts must be at least 1, not " + count);
    }
    if (!(power > 0 && power < Double.POSITIVE_INFINITY)) {
      throw new SfumatoException("cut-power must be above 0, not " + power);
    }
    Luma.requireShare("cut-overview", firstOverview);
    Luma.requireShare("cut-overview", lastOverview);
  }

  @Override
  public Tensor of(Tensor pictures, int side, Moment at) {
    return Scope.run(
        () -> {
          Tensor x = pictures.add(1).div(2);
          long whole = overviews(at);
          List<Tensor> cuts = new ArrayList<>();
          Tensor overview = whole > 0 ? Functional.resize(padded(x), side, side) : x;
          for (int i = 0; i < count; i++) {
            cuts.add(i < whole ? variant(overview, i) : square(x, side, at.random()));
          }
          return Tensor.cat(cuts, 0);
        });
  }

  private long overviews(Moment at) {
    double done = GuideSchedule.place(at.step());
    return Math.round(count * (firstOverview + (lastOverview - firstOverview) * done));
  }

  /** Adds black borders that make a picture square. */
  private static Tensor padded(Tensor x) {
    long missing = x.size(2) - x.size(3);
    long columns = Math.max(missing, 0);
    long rows = Math.max(-missing, 0);
    return Functional.pad(x, columns / 2, columns - columns / 2, rows / 2, rows - rows / 2);
  }

  private static Tensor variant(Tensor overview, int number) {
    Tensor mirrored = number % 2 == 1 ? overview.flip(3) : overview;
    return number / 2 % 2 == 1 ? Luma.of(mirrored).expand(mirrored.shape()) : mirrored;
  }

  private Tensor square(Tensor x, int side, Rng random) {
    return Scope.run(
        () -> {
          long largest = Math.min(x.size(2), x.size(3));
          double smallest = Math.min(side, largest / 2.0);
          double drawn = Math.pow(random.uniform(1).item(), power);
          long size = Math.max(1, Math.round(smallest + (largest - smallest) * drawn));
          long top = (long) random.integers(0, x.size(2) - size + 1, 1).item();
          long left = (long) random.integers(0, x.size(3) - size + 1, 1).item();
          Tensor crop = x.narrow(2, top, size).narrow(3, left, size);
          Tensor cut = Functional.resize(crop, side, side);
          return random.uniform(1).item() < 0.5 ? cut.flip(3) : cut;
        });
  }
}
