package dev.sfumato.data;

import dev.sfumato.tensor.Tensor;

/**
 * The part of each batch that one of several processes takes: neighbouring pictures, as many as in
 * the other parts, or one more or less.
 *
 * @param part 0 to {@code parts - 1}
 * @param parts the number of processes that share a batch
 */
public record Share(int part, int parts) {
  /** The whole batch. */
  public static final Share ALL = new Share(0, 1);

  /** Returns the position of the first picture in a batch of {@code count}. */
  public int start(int count) {
    return (int) ((long) count * part / parts);
  }

  /** Returns the position after the last picture in a batch of {@code count}. */
  public int end(int count) {
    return (int) ((long) count * (part + 1) / parts);
  }

  /** Returns the rows (B', ...) of this share from those of the whole batch (B, ...). */
  public Tensor of(Tensor batch) {
    int count = Math.toIntExact(batch.size(0));
    return batch.narrow(0, start(count), end(count) - start(count));
  }
}
