package dev.sfumato.data;

import dev.sfumato.tensor.Tensor;

/**
 * The part of each batch that one of several processes takes: neighbouring pictures, as many as the
 * others take, give or take one.
 *
 * @param part 0 to {@code parts - 1}
 * @param parts how many processes share a batch
 */
public record Share(int part, int parts) {
  /** Everything. */
  public static final Share ALL = new Share(0, 1);

  /** The place of the first picture in a batch of {@code count}. */
  public int start(int count) {
    return (int) ((long) count * part / parts);
  }

  /** The place after the last picture in a batch of {@code count}. */
  public int end(int count) {
    return (int) ((long) count * (part + 1) / parts);
  }

  /** The rows (B', ...) of this share among those of the whole batch (B, ...). */
  public Tensor of(Tensor batch) {
    int count = Math.toIntExact(batch.size(0));
    return batch.narrow(0, start(count), end(count) - start(count));
  }
}
