package dev.sfumato.training;

import dev.sfumato.tensor.Tensor;

/**
 * The random numbers of a batch: a row for each of its B pictures, on the CPU. If several processes
 * share a batch, each draws the numbers of the whole batch and gets its own rows, so the numbers
 * are those of a single process.
 */
public interface Draws {
  /** Returns normally distributed numbers (B, shape...). */
  Tensor normal(long... shape);

  /** Returns uniformly distributed numbers in [0, 1), (B, shape...). */
  Tensor uniform(long... shape);

  /** Returns uniformly distributed whole numbers (B) int64 from 0 to {@code count - 1}. */
  Tensor integers(long count);

  /** Returns the same source with two rows for each picture: B first rows, then B second ones. */
  Draws twice();

  /**
   * Chooses each picture with probability {@code share} and returns the B choices. The numbers come
   * from a generator that starts anew with each optimiser step; none are drawn if {@code share} is
   * 0.
   */
  boolean[] chosen(double share);
}
