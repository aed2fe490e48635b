package dev.sfumato.model;

import java.util.List;
import java.util.Locale;
import java.util.OptionalLong;
import java.util.stream.Collectors;

/**
 * The names of classes.
 *
 * @param names by label; empty if they are not known
 */
public record ClassNames(List<String> names) {
  private static final int SHOWN = 10;

  /**
   * Returns the label that a word stands for: the name of a class or, unless the names are numbers
   * themselves, a label, which may be out of range. Empty if it is neither.
   */
  public OptionalLong label(String word) {
    int named = names.indexOf(word);
    if (named >= 0) {
      return OptionalLong.of(named);
    }
    boolean numbers = !names.isEmpty() && names.stream().allMatch(name -> name.matches("\\d+"));
    return !numbers && word.matches("-?\\d{1,18}")
        ? OptionalLong.of(Long.parseLong(word))
        : OptionalLong.empty();
  }

  /** Returns the names, or the first of many, in one line. */
  public String inShort() {
    String more =
        names.size() > SHOWN
            ? String.format(Locale.ROOT, " and %d more", names.size() - SHOWN)
            : "";
    return names.stream().limit(SHOWN).collect(Collectors.joining(", ", "", more));
  }
}
