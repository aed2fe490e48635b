package dev.sfumato.data;

/** Some pictures of another data set, each of which an epoch takes once. */
public final class TakenOnce extends DatasetView {
  /** The pictures of {@code original} with these numbers, in this order. */
  public TakenOnce(Dataset original, int[] indices) {
    super(original, indices);
  }

  @Override
  public int repeats(int index) {
    return 1;
  }
}
