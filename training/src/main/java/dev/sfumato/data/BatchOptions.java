package dev.sfumato.data;

import static dev.sfumato.InvalidOptionException.require;

/**
 * Options for putting batches together.
 *
 * @param batchSize pictures in a batch; the last batch of an epoch has the remaining ones
 * @param shuffle draws a new order for every epoch; otherwise the order is the data set's own
 * @param flip mirrors each picture left to right with probability 1/2
 * @param seed the seed of order, flips, random crops and tags
 * @param tags the order of the tags in a caption
 */
public record BatchOptions(int batchSize, boolean shuffle, boolean flip, long seed, Tags tags) {
  private static final BatchOptions DEFAULTS = new BatchOptions(16, true, false, 0);

  /**
   * The order of the tags in a caption, which commas separate.
   *
   * @param shuffled whether each picture of an epoch gets a new order
   * @param kept the number of tags that stay at the beginning, such as a trigger word
   */
  public record Tags(boolean shuffled, int kept) {
    /** Captions stay as they are. */
    public static final Tags AS_WRITTEN = new Tags(false, 0);

    /** Checks the number. */
    public Tags {
      require(kept >= 0, "`keepTokens` must not be negative, but is " + kept);
      require(kept == 0 || shuffled, "`keepTokens` needs `shuffleTags`");
    }
  }

  /** Checks the numbers. */
  public BatchOptions {
    require(batchSize >= 1, "`batchSize` " + batchSize + ": must be at least 1");
  }

  /** Options with captions as they are. */
  public BatchOptions(int batchSize, boolean shuffle, boolean flip, long seed) {
    this(batchSize, shuffle, flip, seed, Tags.AS_WRITTEN);
  }

  /** Batches of 16 in a new order for each epoch, no flips, seed 0, captions as they are. */
  public static BatchOptions defaults() {
    return DEFAULTS;
  }

  /** The defaults for going on with a trained model: batches of 4, flips. */
  public static BatchOptions fineTuning() {
    return DEFAULTS.withBatchSize(4).withFlip(true);
  }

  /** Returns the same with so many pictures in a batch. */
  public BatchOptions withBatchSize(int pictures) {
    return new BatchOptions(pictures, shuffle, flip, seed, tags);
  }

  /** Returns the same with or without a new order for each epoch. */
  public BatchOptions withShuffle(boolean on) {
    return new BatchOptions(batchSize, on, flip, seed, tags);
  }

  /** Returns the same with or without flips. */
  public BatchOptions withFlip(boolean on) {
    return new BatchOptions(batchSize, shuffle, on, seed, tags);
  }

  /** Returns the same with another seed. */
  public BatchOptions withSeed(long other) {
    return new BatchOptions(batchSize, shuffle, flip, other, tags);
  }

  /** Returns the same with another order of tags. */
  public BatchOptions withTags(Tags other) {
    return new BatchOptions(batchSize, shuffle, flip, seed, other);
  }

  /** Returns the same options with {@code processes} times as many pictures in a batch. */
  public BatchOptions times(int processes) {
    return withBatchSize(Math.multiplyExact(batchSize, processes));
  }
}
