package dev.sfumato.evaluation;

import dev.sfumato.SfumatoException;
import java.util.List;
import java.util.Locale;

/**
 * What is known of a classifier; {@code classifier.json} beside its weights.
 *
 * @param classNames the names of the classes, by label
 * @param trainedOn how many pictures it learned from
 * @param testedOn how many other pictures it was tested on
 * @param testAccuracy the share of these that it reads right, 0 to 1
 * @param epochs passes over the training pictures
 * @param seed of start values, order and shifts
 * @param command what made it
 * @param date the day on which it was made, as 2026-11-22
 */
public record ClassifierCard(
    List<String> classNames,
    int trainedOn,
    int testedOn,
    double testAccuracy,
    int epochs,
    long seed,
    String command,
    String date) {

  /**
   * @throws SfumatoException if there are no names
   */
  public ClassifierCard {
    if (classNames == null || classNames.isEmpty()) {
      throw new SfumatoException("class_names is missing");
    }
    classNames = List.copyOf(classNames);
  }

  /** How far this classifier can be trusted, in a line. */
  public String summary() {
    return String.format(
        Locale.ROOT,
        "reads %.2f %% of %d test pictures right, trained on %d others",
        100 * testAccuracy,
        testedOn,
        trainedOn);
  }
}
