package dev.sfumato.scheduler;

import dev.sfumato.SfumatoException;
import java.util.stream.IntStream;

/** The choice of n timesteps of a run among the T training timesteps (Lin et al. 2023, table 2). */
public enum TimestepSpacing {
  /** Multiples of T / n rounded down, plus {@code steps_offset}: leaves out the last timestep. */
  LEADING {
    @Override
    IntStream ascending(int train, int steps, int offset) {
      int ratio = train / steps;
      return IntStream.range(0, steps).map(i -> i * ratio + offset);
    }

    @Override
    IntStream ascendingFromSecond(int train, int last, int steps, int offset) {
      int ratio = (last + 1) / (steps + 1);
      return IntStream.rangeClosed(1, steps).map(i -> i * ratio + offset);
    }
  },
  /** Evenly from the first to the last timestep. */
  LINSPACE {
    @Override
    IntStream ascending(int train, int steps, int offset) {
      double gap = steps == 1 ? 0 : (train - 1) / (double) (steps - 1);
      return IntStream.range(0, steps).map(i -> (int) Math.rint(i * gap));
    }

    @Override
    IntStream ascendingFromSecond(int train, int last, int steps, int offset) {
      double gap = last / (double) steps;
      return IntStream.rangeClosed(1, steps).map(i -> (int) Math.rint(i * gap));
    }
  },
  /** Every T / n timesteps, counted back from the last one. */
  TRAILING {
    @Override
    IntStream ascending(int train, int steps, int offset) {
      // Halves round differently unless the gap is the difference of the first two terms.
      double gap = train - (train - train / (double) steps);
      return IntStream.range(0, steps).map(i -> (int) Math.rint(train - (steps - 1 - i) * gap) - 1);
    }

    @Override
    IntStream ascendingFromSecond(int train, int last, int steps, int offset) {
      // A clipped end is reached in the same strides, so in fewer steps.
      double gap = last + 1 - (last + 1 - train / (double) steps);
      return IntStream.range(0, steps)
          .map(i -> (int) Math.rint(last + 1 - (steps - 1 - i) * gap) - 1)
          .filter(t -> t >= 0);
    }
  };

  /**
   * Reads {@code leading}, {@code linspace} or {@code trailing}.
   *
   * @throws SfumatoException for another text
   */
  public static TimestepSpacing parse(String text) {
    return Spelling.parse(TimestepSpacing.class, "timestep_spacing", text);
  }

  /** The spelling in JSON. */
  @Override
  public String toString() {
    return Spelling.of(this);
  }

  /** Returns {@code steps} of the timesteps 0 to {@code train - 1}, smallest first. */
  abstract IntStream ascending(int train, int steps, int offset);

  /**
   * Returns the same up to {@code last}, for solvers whose last step goes to the clean picture:
   * they take one timestep more and leave out the smallest.
   */
  abstract IntStream ascendingFromSecond(int train, int last, int steps, int offset);
}
