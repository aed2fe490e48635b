package dev.sfumato.data;

import dev.sfumato.SfumatoException;
import java.math.BigDecimal;
import java.util.Locale;

/**
 * The class of a picture in a table.
 *
 * @param text the text of the cell
 * @param number whether it is a number that counts classes from 0, instead of a name
 */
record Label(String text, boolean number) {

  /** Returns a label from a table that does not distinguish numbers from texts. */
  static Label untyped(String text) {
    return new Label(text, text.matches("[-+]?[0-9]+(\\.[0-9]*)?([eE][-+]?[0-9]{1,9})?"));
  }

  /**
   * Returns the number.
   *
   * @param limit the largest number of classes
   * @param source the origin of the label in messages
   * @param picture the picture's number
   * @throws SfumatoException if it is not a whole number from 0 to {@code limit - 1}
   */
  int requireBelow(int limit, String source, int picture) {
    BigDecimal value = value(source, picture);
    if (value.signum() < 0 || value.compareTo(BigDecimal.valueOf(limit)) >= 0) {
      throw new SfumatoException(
          String.format(
              Locale.ROOT,
              "%s: label %s of picture %d is out of range, must be 0 to %d",
              source,
              shortText(),
              picture,
              limit - 1));
    }
    if (value.signum() != 0 && value.stripTrailingZeros().scale() > 0) {
      throw new SfumatoException(
          String.format(
              Locale.ROOT,
              "%s: label %s of picture %d is a fraction, must be a whole number",
              source,
              shortText(),
              picture));
    }
    return value.intValue();
  }

  private BigDecimal value(String source, int picture) {
    try {
      if (number) {
        return new BigDecimal(text);
      }
    } catch (NumberFormatException e) { // such as NaN
    }
    throw new SfumatoException(
        String.format(
            Locale.ROOT,
            "%s: label '%s' of picture %d is not a number, but others are: use numbers for"
                + " all, or names for all",
            source,
            shortText(),
            picture));
  }

  /** Returns the text, shortened for a message. */
  String shortText() {
    return text.length() > 40 ? text.substring(0, 40) + "..." : text;
  }
}
