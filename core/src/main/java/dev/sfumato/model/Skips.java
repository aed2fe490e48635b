package dev.sfumato.model;

import dev.sfumato.SfumatoException;
import dev.sfumato.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * The values that bypass the coarser levels: features from the way down for the way up, last in
 * first out, and the picture of skip blocks.
 */
final class Skips {
  private final List<Optional<Tensor>> stack = new ArrayList<>();
  private Optional<Tensor> picture;

  /** Starts with the network's input, the picture of the way down. */
  Skips(Tensor sample) {
    picture = Optional.of(sample);
  }

  /** Pushes {@code features} for the way up and returns them. */
  Tensor push(Tensor features) {
    stack.add(Optional.of(features));
    return features;
  }

  /** Pushes an entry without features. */
  void pushNothing() {
    stack.add(Optional.empty());
  }

  /** Returns the last features without removing them. */
  Tensor next() {
    return stack.isEmpty() ? missing() : stack.get(stack.size() - 1).orElseGet(Skips::missing);
  }

  private static Tensor missing() {
    throw mismatch();
  }

  /** Removes the last features and concatenates them to {@code x}; frees both. */
  Tensor join(Tensor x) {
    return join(x, popLastOf(1).orElseThrow(Skips::mismatch));
  }

  /**
   * Works as {@link #join} on the last of {@code count} entries, or returns {@code x} if that is
   * empty.
   */
  Tensor joinLastOf(int count, Tensor x) {
    return popLastOf(count).map(last -> join(x, last)).orElse(x);
  }

  private static Tensor join(Tensor x, Tensor last) {
    try (x;
        last) {
      if (x.size(2) != last.size(2) || x.size(3) != last.size(3)) {
        throw new SfumatoException(
            "these blocks need a height and a width that halve evenly at each level of the U-Net:"
                + " choose multiples of a larger power of two");
      }
      return Tensor.cat(List.of(x, last), 1);
    }
  }

  private Optional<Tensor> popLastOf(int count) {
    if (stack.isEmpty()) {
      throw mismatch();
    }
    Optional<Tensor> last = stack.get(stack.size() - 1);
    stack.subList(Math.max(stack.size() - count, 0), stack.size()).clear();
    return last;
  }

  /** Returns the picture (B, C, h, w) at the present level; empty if no block has begun one. */
  Optional<Tensor> picture() {
    return picture;
  }

  void picture(Tensor next) {
    picture = Optional.of(next);
  }

  /** Forgets the picture, since the way up makes its own. */
  void forgetPicture() {
    picture = Optional.empty();
  }

  private static SfumatoException mismatch() {
    return new SfumatoException(
        "up_block_types do not fit the features of down_block_types: choose matching blocks");
  }
}
