package dev.sfumato.data;

import dev.sfumato.SfumatoException;
import java.util.Locale;
import java.util.SplittableRandom;
import java.util.stream.IntStream;

/**
 * Pictures for training and pictures for validation.
 *
 * @param training the pictures to train on
 * @param validation pictures of the same kind to measure on
 */
public record HeldOut(Dataset training, Dataset validation) {

  /**
   * @throws SfumatoException if channels, sizes or classes differ
   */
  public HeldOut {
    requireAlike(training, validation);
  }

  /**
   * Requires that both sets have the same channels, sizes and classes.
   *
   * @throws SfumatoException if channels, sizes or classes differ
   */
  public static void requireAlike(Dataset training, Dataset validation) {
    if (!kind(training).equals(kind(validation))) {
      throw new SfumatoException(
          String.format(
              Locale.ROOT,
              "the validation pictures are %s, but the training pictures are %s",
              kind(validation),
              kind(training)));
    }
    if (!training.classNames().equals(validation.classNames())) {
      throw new SfumatoException(
          String.format(
              Locale.ROOT,
              "the validation pictures have %s, but the training pictures have %s",
              classes(validation),
              classes(training)));
    }
  }

  private static String kind(Dataset dataset) {
    return String.format(
        Locale.ROOT,
        "%d x %d with %d channels",
        dataset.width(),
        dataset.height(),
        dataset.channels());
  }

  private static String classes(Dataset dataset) {
    String names = String.join(", ", dataset.classNames());
    return names.isEmpty()
        ? "no classes"
        : "the classes " + (names.length() > 100 ? names.substring(0, 100) + "..." : names);
  }

  /**
   * Holds out some pictures from training at random.
   *
   * @param share the share of the pictures to hold out, in (0, 1); at least one is held out and one
   *     remains
   * @param seed the seed of the choice
   */
  public static HeldOut share(Dataset all, double share, long seed) {
    int size = all.size();
    int count = (int) Math.max(1, Math.min(size - 1, Math.round(share * size)));
    if (size < 2) {
      throw new SfumatoException("one picture is too few to hold some out for validation");
    }
    SplittableRandom random = new SplittableRandom(seed);
    boolean[] held = new boolean[size];
    for (int i = 0; i < count; ) {
      int index = random.nextInt(size);
      i += held[index] ? 0 : 1;
      held[index] = true;
    }
    return new HeldOut(
        new DatasetView(all, IntStream.range(0, size).filter(i -> !held[i]).toArray()),
        new DatasetView(all, IntStream.range(0, size).filter(i -> held[i]).toArray()));
  }
}
