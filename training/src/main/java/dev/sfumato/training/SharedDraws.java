package dev.sfumato.training;

import dev.sfumato.data.Share;
import dev.sfumato.tensor.Rng;
import dev.sfumato.tensor.Tensor;
import java.util.stream.LongStream;

/**
 * Draws the numbers of a whole batch and returns the rows of one process.
 *
 * @param random the run's generator
 * @param choices the generator of {@link #chosen}
 * @param pictures the number of pictures in the whole batch
 * @param share the share of this process
 */
record SharedDraws(Rng random, Rng choices, int pictures, Share share) implements Draws {
  @Override
  public Tensor normal(long... shape) {
    return share.of(random.normal(rows(shape)));
  }

  @Override
  public Tensor uniform(long... shape) {
    return share.of(random.uniform(rows(shape)));
  }

  @Override
  public Tensor integers(long count) {
    return share.of(random.integers(0, count, pictures));
  }

  @Override
  public boolean[] chosen(double probability) {
    boolean[] chosen = new boolean[share.end(pictures) - share.start(pictures)];
    if (probability > 0) {
      float[] draws = share.of(choices.uniform(pictures)).toFloats();
      for (int i = 0; i < chosen.length; i++) {
        chosen[i] = draws[i] < probability;
      }
    }
    return chosen;
  }

  private long[] rows(long... shape) {
    return LongStream.concat(LongStream.of(pictures), LongStream.of(shape)).toArray();
  }
}
