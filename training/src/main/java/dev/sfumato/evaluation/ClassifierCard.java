package dev.sfumato.evaluation;

import dev.sfumato.SfumatoException;
import java.util.List;
import java.util.Locale;

/**
 * The facts of a classifier, stored as {@code classifier.json} beside its weights.
 *
 * @param classNames the names of the classes, by label
 * @param channels of the pictures that it reads: 1 for gray ones, 3 for RGB
 * @param side of these pictures in pixels
 * @param trainedOn the number of training pictures
 * @param testedOn the number of test pictures
 * @param testAccuracy the share of test pictures that it reads correctly, 0 to 1
 * @param epochs passes over the training pictures
 * @param seed of start values, order and shifts
 * @param command the command that made it
 * @param date the day on which it was made, as 2026-11-22
 */
public record ClassifierCard(
    List<String> classNames,
    int channels,
    int side,
    int trainedOn,
    int testedOn,
    double testAccuracy,
    int epochs,
    long seed,
    String command,
    String date) {

  private static final int MIN_SIDE = 4;
  private static final int MAX_SIDE = 128;

  /**
   * @throws SfumatoException if there are no names, or a number is out of range
   */
  public ClassifierCard {
    if (classNames == null || classNames.isEmpty()) {
      throw new SfumatoException("class_names is missing");
    }
    if (channels != 1 && channels != 3) {
      throw new SfumatoException("channels must be 1 or 3, not " + channels);
    }
    if (side < MIN_SIDE || side > MAX_SIDE) {
      throw new SfumatoException(
          String.format(
              Locale.ROOT,
              "a classifier reads pictures of %d to %d pixels, not %d",
              MIN_SIDE,
              MAX_SIDE,
              side));
    }
    if (!(testAccuracy >= 0 && testAccuracy <= 1)) {
      throw new SfumatoException("test_accuracy must be 0 to 1, not " + testAccuracy);
    }
    classNames = List.copyOf(classNames);
  }

  /** Returns the size of its pictures, such as 28 x 28 pixels in 1 channel. */
  String pictures() {
    return String.format(
        Locale.ROOT,
        "%1$d x %1$d pixels in %2$d channel%3$s",
        side,
        channels,
        channels == 1 ? "" : "s");
  }

  /** Returns the classifier's accuracy in a line. */
  public String summary() {
    return String.format(
        Locale.ROOT,
        "reads %.2f %% of %d test pictures correctly, trained on %d others",
        100 * testAccuracy,
        testedOn,
        trainedOn);
  }
}
