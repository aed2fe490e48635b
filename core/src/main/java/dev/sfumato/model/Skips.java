package dev.sfumato.model;

import dev.sfumato.SfumatoException;
import dev.sfumato.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * What passes by the coarser levels: the features that the way down leaves for the way up, last in
 * first out, and the picture that skip blocks carry along.
 */
final class Skips {
  private final List<Optional<Tensor>> stack = new ArrayList<>();
  private Optional<Tensor> picture;

  /** Starts with the network's input, the picture of the way down. */
  Skips(Tensor sample) {
    picture = Optional.of(sample);
  }

  /** Leaves {@code features} for the way up and returns them. */
  Tensor push(Tensor features) {
    stack.add(Optional.of(features));
    return features;
  }

  /** Leaves an entry without features. */
  void pushNothing() {
    stack.add(Optional.empty());
  }

  /** The last features, which stay. */
  Tensor next() {
    return stack.isEmpty() ? missing() : stack.get(stack.size() - 1).orElseGet(Skips::missing);
  }

  private static Tensor missing() {
    throw mismatch();
  }

  /** Takes out the last features and concatenates them to {@code x}; frees both. */
  Tensor join(Tensor x) {
    return join(x, popLastOf(1).orElseThrow(Skips::mismatch));
  }

  /** As {@link #join}, of the last of {@code count} entries, or {@code x} if that is empty. */
  Tensor joinLastOf(int count, Tensor x) {
    return popLastOf(count).map(last -> join(x, last)).orElse(x);
  }

  private static Tensor join(Tensor x, Tensor last) {
    try (x;
        last) {
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

  /** The picture (B, C, h, w) at the present level, or empty if no block has begun one. */
  Optional<Tensor> picture() {
    return picture;
  }

  void picture(Tensor next) {
    picture = Optional.of(next);
  }

  /** The way up makes a picture of its own. */
  void forgetPicture() {
    picture = Optional.empty();
  }

  private static SfumatoException mismatch() {
    return new SfumatoException(
        "up_block_types take other features than down_block_types leave: choose matching blocks");
  }
}
