package dev.sfumato.training;

import dev.sfumato.data.Share;
import dev.sfumato.tensor.Rng;
import dev.sfumato.tensor.Tensor;
import java.util.stream.IntStream;
import java.util.stream.LongStream;

/**
 * Draws the numbers of a whole batch and returns the rows of one process.
 *
 * @param random the run's generator
 * @param choices the generator of {@link #chosen}
 * @param pictures the number of pictures in the whole batch
 * @param share the share of this process
 * @param times the rows for each picture: all pictures' first rows come before the second ones
 */
record SharedDraws(Rng random, Rng choices, int pictures, Share share, int times) implements Draws {
  SharedDraws(Rng random, Rng choices, int pictures, Share share) {
    this(random, choices, pictures, share, 1);
  }

  @Override
  public Draws twice() {
    return new SharedDraws(random, choices, pictures, share, 2 * times);
  }

  @Override
  public Tensor normal(long... shape) {
    return own(random.normal(rows(shape)));
  }

  @Override
  public Tensor uniform(long... shape) {
    return own(random.uniform(rows(shape)));
  }

  @Override
  public Tensor integers(long count) {
    return own(random.integers(0, count, (long) times * pictures));
  }

  @Override
  public boolean[] chosen(double probability) {
    boolean[] chosen = new boolean[times * (share.end(pictures) - share.start(pictures))];
    if (probability > 0) {
      float[] draws = own(choices.uniform((long) times * pictures)).toFloats();
      for (int i = 0; i < chosen.length; i++) {
        chosen[i] = draws[i] < probability;
      }
    }
    return chosen;
  }

  /** Returns this process's rows. */
  private Tensor own(Tensor all) {
    return times == 1
        ? share.of(all)
        : Tensor.cat(
            IntStream.range(0, times)
                .mapToObj(i -> share.of(all.narrow(0, (long) i * pictures, pictures)))
                .toList(),
            0);
  }

  private long[] rows(long... shape) {
    return LongStream.concat(LongStream.of((long) times * pictures), LongStream.of(shape))
        .toArray();
  }
}
