package dev.sfumato.data;

import dev.sfumato.SfumatoException;
import dev.sfumato.picture.Pixels;
import dev.sfumato.picture.Size;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.stream.IntStream;

/**
 * The batches of a data set, epoch by epoch.
 *
 * <p>Order and augmentation are pure functions of (seed, epoch), drawn from separate generators:
 * one per epoch for the order, one per picture for crop and flip, one per picture for its tags. So
 * a run can resume in the middle of an epoch from the epoch's number and the number of batches
 * already used:
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
 */
public final class Batches {
  private final Dataset dataset;
  private final BatchOptions options;
  private final int threads;

  /** An epoch's items in the data set's order: a picture's number plus {@code size} per repeat. */
  private final int[] items;

  private final BatchLayout layout;

  /** Batches that a thread per processor prepares, but at least two. */
  public Batches(Dataset dataset, BatchOptions options) {
    this(dataset, options, DataOptions.defaults().threads());
  }

  /**
   * Makes batches.
   *
   * @param dataset the pictures
   * @param options batch size, order, flips and seed
   * @param threads the number of threads that prepare pictures while a batch is used; it does not
   *     change the batches
   */
  public Batches(Dataset dataset, BatchOptions options, int threads) {
    if (threads < 1) {
      throw new SfumatoException("`dataThreads` " + threads + ": must be at least 1");
    }
    this.dataset = dataset;
    this.options = options;
    this.threads = threads;
    this.items = items(dataset);
    this.layout = new BatchLayout(dataset, items, options.batchSize());
  }

  /** All pictures, then those with a second turn, and so on. */
  private static int[] items(Dataset dataset) {
    int size = dataset.size();
    int turns = IntStream.range(0, size).map(dataset::repeats).max().orElse(1);
    return IntStream.range(0, turns)
        .flatMap(
            turn ->
                IntStream.range(0, size)
                    .filter(index -> dataset.repeats(index) > turn)
                    .map(index -> turn * size + index))
        .toArray();
  }

  /** Returns the pictures. */
  public Dataset dataset() {
    return dataset;
  }

  /** Returns batch size, order, flips and seed. */
  public BatchOptions options() {
    return options;
  }

  /** Returns the number of threads that prepare pictures. */
  public int threads() {
    return threads;
  }

  /** Returns the number of batches in an epoch, including a short last one of each bucket. */
  public int perEpoch() {
    return layout.batches();
  }

  /** Returns the number of pictures in the batch at {@code position} of an epoch. */
  public int sizeAt(int position) {
    return layout.size(position);
  }

  /**
   * Returns an epoch.
   *
   * @param number 0 for the first
   */
  public Epoch epoch(int number) {
    SplittableRandom random = new SplittableRandom(mix(mix(options.seed()) + number));
    int[] order = items.clone();
    if (options.shuffle()) {
      for (int i = order.length - 1; i > 0; i--) { // Fisher and Yates
        int j = random.nextInt(i + 1);
        int swapped = order[i];
        order[i] = order[j];
        order[j] = swapped;
      }
    }
    return new Epoch(number, layout.arranged(order));
  }

  /** Scatters neighbouring numbers, which would be seeds of similar generators. */
  private static long mix(long value) {
    return new SplittableRandom(value).nextLong();
  }

  /** One pass through the data set. */
  public final class Epoch {
    private final int[] order;
    private final long augmentationSeed;
    private final long tagSeed;

    private Epoch(int number, int[] order) {
      this.order = order;
      augmentationSeed = mix(mix(~options.seed()) + number);
      tagSeed = mix(~augmentationSeed);
    }

    /** Returns the numbers of the pictures in the epoch's order. */
    public int[] order() {
      return pictures(order);
    }

    private int[] pictures(int[] some) {
      return IntStream.of(some).map(item -> item % dataset.size()).toArray();
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

    /** Returns the items of the pictures of {@code share} in a batch. */
    int[] items(int position, Share share) {
      int whole = sizeAt(position);
      int start = layout.start(position);
      return Arrays.copyOfRange(order, start + share.start(whole), start + share.end(whole));
    }

    /** Returns a batch with room for some of its items; the caller frees its tensor. */
    Batch empty(int position, int[] some) {
      Size size = dataset.frame(order[layout.start(position)] % dataset.size()).size();
      boolean labelled = !dataset.classNames().isEmpty();
      int[] indices = pictures(some);
      return new Batch(
          Scope.release(Tensor.empty(some.length, dataset.channels(), size.height(), size.width())),
          labelled ? IntStream.of(indices).mapToLong(dataset::label).toArray() : new long[0],
          captions(some),
          indices,
          Arrays.asList(new Crop[some.length]),
          dataset.hasMasks()
              ? Optional.of(
                  Scope.release(Tensor.empty(some.length, 1, size.height(), size.width())))
              : Optional.empty());
    }

    private static float[] ones(Size size) {
      float[] ones = new float[(int) size.area()];
      Arrays.fill(ones, 1);
      return ones;
    }

    private List<String> captions(int[] some) {
      List<String> all = dataset.captions();
      return all.isEmpty()
          ? all
          : IntStream.of(some).mapToObj(item -> caption(all.get(item % all.size()), item)).toList();
    }

    private String caption(String written, int item) {
      return options.tags().shuffled()
          ? ShuffledTags.of(
              written, options.tags().kept(), new SplittableRandom(mix(tagSeed + item)))
          : written;
    }

    /** Puts an item's picture into its place in a batch. */
    void fill(Batch batch, int place, int item) {
      SplittableRandom random = new SplittableRandom(mix(augmentationSeed + item));
      int index = item % dataset.size();
      Frame frame = dataset.frame(index);
      Size size = frame.size();
      Pixels pixels = dataset.pixels(index);
      int top = random.nextInt(pixels.height() - size.height() + 1);
      int left = random.nextInt(pixels.width() - size.width() + 1);
      boolean flip = options.flip() && random.nextBoolean();
      Pixels cropped = pixels.crop(top, left, size.height(), size.width());
      float[] picture = (flip ? cropped.flipped() : cropped).signed();
      batch
          .masks()
          .ifPresent(
              masks -> {
                float[] weights =
                    dataset
                        .mask(index)
                        .map(mask -> mask.crop(top, left, size.height(), size.width()))
                        .map(mask -> (flip ? mask.flipped() : mask).unsigned())
                        .orElseGet(() -> ones(size));
                masks.put_((long) place * weights.length, weights);
              });
      batch.images().put_((long) place * picture.length, picture);
      batch.crops().set(place, frame.crop(pixels, top, left, flip));
    }
  }
}
