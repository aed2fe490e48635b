package dev.sfumato.data;

import dev.sfumato.SfumatoException;

/**
 * How pictures are put together.
 *
 * @param batchSize pictures in a batch; the last of an epoch has what is left
 * @param shuffle draw a new order for every epoch; otherwise the data set's own
 * @param flip mirror each picture left to right with probability 1/2
 * @param seed of order, flips and random crops
 * @param threads that prepare pictures while a batch is used; they change nothing in the batches
 */
public record BatchOptions(int batchSize, boolean shuffle, boolean flip, long seed, int threads) {

  /** A thread for each processor, but at least two. */
  public BatchOptions(int batchSize, boolean shuffle, boolean flip, long seed) {
    this(batchSize, shuffle, flip, seed, DataOptions.defaults().threads());
  }

  /** Checks the numbers. */
  public BatchOptions {
    if (batchSize < 1) {
      throw new SfumatoException("--batch-size " + batchSize + ": must be at least 1");
    }
    if (threads < 1) {
      throw new SfumatoException("--data-threads " + threads + ": must be at least 1");
    }
  }

  /** Returns the same with batches of {@code processes} times as many pictures. */
  public BatchOptions times(int processes) {
    return new BatchOptions(Math.multiplyExact(batchSize, processes), shuffle, flip, seed, threads);
  }
}
