package dev.sfumato.clip;

import dev.sfumato.SfumatoException;
import java.util.Locale;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

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

  private static final String CASED = "[\\p{IsUppercase}\\p{IsLowercase}\\p{Lt}]";
  private static final String IGNORED =
      "[\\p{Mn}\\p{Me}\\p{Cf}\\p{Lm}\\p{Sk}'.:·"
          + "\u0387\u055f\u05f4‘’\u2024\u2027\ufe13\ufe52\ufe55＇．：]";

  /** Final_Sigma of the Unicode standard, section 3.13; {@link String#toLowerCase} has another. */
  private static final Pattern FINAL_SIGMA =
      Pattern.compile(
          String.format(Locale.ROOT, "(?<=%s%s{0,64})Σ(?!%s*%s)", CASED, IGNORED, IGNORED, CASED));

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
      case LOWER -> small(spaced(repaired));
      case WHITESPACE -> spaced(repaired);
      case CANONICALIZE ->
          spaced(small(PUNCTUATION.matcher(repaired.replace('_', ' ')).replaceAll("")));
    };
  }

  /** Small letters, a sigma by its place in the word. */
  private static String small(String text) {
    return eachSmall(FINAL_SIGMA.matcher(text).replaceAll("ς"));
  }

  /** Small letters, whatever stands around them. */
  static String eachSmall(String text) {
    return text.codePoints()
        .mapToObj(c -> Character.toString(c).toLowerCase(Locale.ROOT))
        .collect(Collectors.joining());
  }

  private static String spaced(String text) {
    return SPACES.matcher(text).replaceAll(" ").strip();
  }
}
