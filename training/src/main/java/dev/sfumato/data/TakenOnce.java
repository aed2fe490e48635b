package dev.sfumato.data;

import java.util.stream.IntStream;

/** Some pictures of another data set, each of which an epoch takes once. */
public final class TakenOnce extends DatasetView {
  private final int different;

  /** The pictures of {@code original} with these numbers, in this order. */
  public TakenOnce(Dataset original, int[] indices) {
    super(original, indices);
    different = (int) IntStream.of(indices).distinct().count();
  }

  /** Returns the number of pictures, of which some may have several numbers. */
  public int different() {
    return different;
  }

  @Override
  public int repeats(int index) {
    return 1;
  }
}
