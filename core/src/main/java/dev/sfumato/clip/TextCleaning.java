package dev.sfumato.clip;

import dev.sfumato.SfumatoException;
import java.util.Locale;
import java.util.regex.Pattern;

/** What open_clip's tokenizers do to a text first, by open_clip's names. */
enum TextCleaning {
  /** Repaired, HTML entities resolved, one space between words, small letters. */
  LOWER,
  /** The same with letters as they are. */
  WHITESPACE,
  /** As {@link #LOWER} and without punctuation. */
  CANONICALIZE;

  /** What Python's {@code str.split} splits at. */
  private static final Pattern SPACES = Pattern.compile("[\\p{IsWhite_Space}\\x1c-\\x1f]+");

  private static final Pattern PUNCTUATION = Pattern.compile("[!-/:-@\\[-`{-~]");

  static TextCleaning parse(String name) {
    try {
      return valueOf(name.toUpperCase(Locale.ROOT));
    } catch (IllegalArgumentException e) {
      throw new SfumatoException(
          "clean '" + name + "' is unknown: use lower, whitespace or canonicalize", e);
    }
  }

  /** The cleaned text. */
  String apply(String text) {
    String repaired = HtmlEntities.unescape(HtmlEntities.unescape(TextRepair.fix(text)));
    return switch (this) {
      case LOWER -> spaced(repaired).toLowerCase(Locale.ROOT);
      case WHITESPACE -> spaced(repaired);
      case CANONICALIZE ->
          spaced(
              PUNCTUATION
                  .matcher(repaired.replace('_', ' '))
                  .replaceAll("")
                  .toLowerCase(Locale.ROOT));
    };
  }

  private static String spaced(String text) {
    return SPACES.matcher(text).replaceAll(" ").strip();
  }
}
