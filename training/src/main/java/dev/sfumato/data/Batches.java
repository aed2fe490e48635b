package dev.sfumato.data;

import dev.sfumato.SfumatoException;
import dev.sfumato.picture.Pixels;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;

/**
 * The batches of a data set, epoch by epoch.
 *
 * <p>Order and augmentation are pure functions of (seed, epoch), drawn from separate generators:
 * one per epoch for the order, one per picture for crop and flip. So a run can resume in the middle
 * of an epoch from the epoch's number and the number of batches already used:
 *
 * <pre>{@code
 * try (BatchStream stream = batches.epoch(3).from(17)) {
 *   while (stream.hasNext()) {
 *     try (Scope scope = Scope.open()) {
 *       Batch batch = stream.next();
 *       ...
 *     }
 *   }
 * }
 * }</pre>
 *
 * @param dataset the pictures
 * @param options batch size, order, flips and seed
 * @param threads the number of threads that prepare pictures while a batch is used; it does not
 *     change the batches
 */
public record Batches(Dataset dataset, BatchOptions options, int threads) {

  /** Options with a thread per processor, but at least two. */
  public Batches(Dataset dataset, BatchOptions options) {
    this(dataset, options, DataOptions.defaults().threads());
  }

  /** Checks the number of threads. */
  public Batches {
    if (threads < 1) {
      throw new SfumatoException("`dataThreads` " + threads + ": must be at least 1");
    }
  }

  /** Returns the number of batches in an epoch, including a short last one. */
  public int perEpoch() {
    return (dataset.size() + options.batchSize() - 1) / options.batchSize();
  }

  /** Returns the number of pictures in the batch at {@code position} of an epoch. */
  public int sizeAt(int position) {
    return Math.min(options.batchSize(), dataset.size() - position * options.batchSize());
  }

  /**
   * Returns an epoch.
   *
   * @param number 0 for the first
   */
  public Epoch epoch(int number) {
    SplittableRandom random = new SplittableRandom(mix(mix(options.seed()) + number));
    int[] order = IntStream.range(0, dataset.size()).toArray();
    if (options.shuffle()) {
      for (int i = order.length - 1; i > 0; i--) { // Fisher and Yates
        int j = random.nextInt(i + 1);
        int swapped = order[i];
        order[i] = order[j];
        order[j] = swapped;
      }
    }
    return new Epoch(order, mix(mix(~options.seed()) + number));
  }

  /** Scatters neighbouring numbers, which would be seeds of similar generators. */
  private static long mix(long value) {
    return new SplittableRandom(value).nextLong();
  }

  /** One pass through the data set. */
  public final class Epoch {
    private final int[] order;
    private final long augmentationSeed;

    private Epoch(int[] order, long augmentationSeed) {
      this.order = order;
      this.augmentationSeed = augmentationSeed;
    }

    /** Returns the numbers of the pictures in the epoch's order. */
    public int[] order() {
      return order.clone();
    }

    /**
     * Returns the batches after the first {@code position}.
     *
     * @param position the number of batches to skip, 0 to {@link Batches#perEpoch}
     */
    public BatchStream from(int position) {
      return from(position, Share.ALL);
    }

    /**
     * Returns the same batches with only the pictures of {@code share}; in a short batch there may
     * be none.
     */
    public BatchStream from(int position, Share share) {
      if (position < 0 || position > perEpoch()) {
        throw new IllegalArgumentException(
            "position " + position + " in an epoch of " + perEpoch() + " batches");
      }
      return new BatchStream(this, position, share);
    }

    Batches batches() {
      return Batches.this;
    }

    /** Returns a batch with room for the pictures of {@code share}; the caller frees its tensor. */
    Batch empty(int position, Share share) {
      int whole = sizeAt(position);
      int start = position * options.batchSize() + share.start(whole);
      int count = share.end(whole) - share.start(whole);
      boolean labelled = !dataset.classNames().isEmpty();
      List<String> captions = dataset.captions();
      int[] indices = Arrays.copyOfRange(order, start, start + count);
      return new Batch(
          Scope.release(Tensor.empty(count, dataset.channels(), dataset.height(), dataset.width())),
          labelled ? IntStream.of(indices).mapToLong(dataset::label).toArray() : new long[0],
          captions.isEmpty() ? captions : IntStream.of(indices).mapToObj(captions::get).toList(),
          indices);
    }

    /** Puts a picture into its place in a batch. */
    void fill(Batch batch, int place) {
      float[] picture = augmented(batch.indices()[place]).signed();
      batch.images().put_((long) place * picture.length, picture);
    }

    private Pixels augmented(int index) {
      SplittableRandom random = new SplittableRandom(mix(augmentationSeed + index));
      Pixels pixels = dataset.pixels(index);
      int top = random.nextInt(pixels.height() - dataset.height() + 1);
      int left = random.nextInt(pixels.width() - dataset.width() + 1);
      boolean flip = options.flip() && random.nextBoolean();
      Pixels cropped = pixels.crop(top, left, dataset.height(), dataset.width());
      return flip ? cropped.flipped() : cropped;
    }
  }
}
