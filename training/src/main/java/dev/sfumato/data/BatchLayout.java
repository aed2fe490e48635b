package dev.sfumato.data;

import dev.sfumato.picture.Size;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/**
 * The sizes of an epoch's batches: pictures of different {@linkplain Buckets buckets} are never in
 * one. First come the full batches, then a short one for each bucket that has pictures left, so the
 * number of pictures at a position is the same in each epoch.
 */
final class BatchLayout {
  private final int batchSize;
  private final int[] bucketOf; // by a picture's number
  private final int[] starts; // of each batch in the epoch's order, and the end of the last
  private final int buckets;

  /**
   * Lays out batches.
   *
   * @param items the pictures of an epoch, as their number plus any multiple of the data set's size
   */
  BatchLayout(Dataset dataset, int[] items, int batchSize) {
    this.batchSize = batchSize;
    List<Size> sizes =
        IntStream.range(0, dataset.size()).mapToObj(i -> dataset.frame(i).size()).toList();
    List<Size> different =
        sizes.stream()
            .distinct()
            .sorted(Comparator.comparing(Size::height).thenComparing(Size::width))
            .toList();
    buckets = different.size();
    bucketOf = sizes.stream().mapToInt(different::indexOf).toArray();
    int[] counts = new int[buckets];
    IntStream.of(items).forEach(item -> counts[bucket(item)]++);
    int full = IntStream.of(counts).map(count -> count / batchSize).sum();
    int[] rests = IntStream.of(counts).map(count -> count % batchSize).filter(n -> n > 0).toArray();
    starts = new int[full + rests.length + 1];
    for (int i = 1; i < starts.length; i++) {
      starts[i] = starts[i - 1] + (i <= full ? batchSize : rests[i - 1 - full]);
    }
  }

  private int bucket(int item) {
    return bucketOf[item % bucketOf.length];
  }

  /** Returns the number of batches. */
  int batches() {
    return starts.length - 1;
  }

  /** Returns the position in the epoch's order at which a batch begins. */
  int start(int batch) {
    return starts[batch];
  }

  /** Returns the number of pictures in a batch. */
  int size(int batch) {
    return starts[batch + 1] - starts[batch];
  }

  /** Returns an order of items, changed so that each batch has pictures of one bucket. */
  int[] arranged(int[] order) {
    int[] arranged = new int[order.length];
    int[][] waiting = new int[buckets][batchSize];
    int[] counts = new int[buckets];
    int end = 0;
    for (int item : order) {
      int bucket = bucket(item);
      waiting[bucket][counts[bucket]++] = item;
      if (counts[bucket] == batchSize) {
        end = append(waiting[bucket], batchSize, arranged, end);
        counts[bucket] = 0;
      }
    }
    for (int bucket = 0; bucket < buckets; bucket++) {
      end = append(waiting[bucket], counts[bucket], arranged, end);
    }
    return arranged;
  }

  private static int append(int[] items, int count, int[] to, int end) {
    System.arraycopy(items, 0, to, end, count);
    return end + count;
  }
}
