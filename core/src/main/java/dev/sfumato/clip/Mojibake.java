package dev.sfumato.clip;

import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Undoes mojibake: UTF-8 that was decoded as something else, once or several times. Bytes are
 * strings of the characters U+0000 to U+00FF here, so that patterns apply to them.
 */
final class Mojibake {
  private static final Pattern NOT_ASCII = Pattern.compile("[^\\x00-\\x7f]");
  private static final Pattern C1_CONTROL = Pattern.compile("[\\x80-\\x9f]");

  /** Bytes that Windows-1252 does not define. */
  private static final Pattern UNDEFINED = Pattern.compile("[\\x81\\x8d\\x8f\\x90\\x9d]");

  /** UTF-8 whose byte A0 became a space, and then a word that begins with the letter à. */
  private static final Pattern SPACE_FOR_A0 =
      Pattern.compile(
          """
          [\\xc2\\xc3\\xc5\\xce\\xd0\\xd9][ ]
          |[\\xe2\\xe3][ ][\\x80-\\x84\\x86-\\x9f\\xa1-\\xbf]
          |[\\xe0-\\xe3][\\x80-\\x84\\x86-\\x9f\\xa1-\\xbf][ ]
          |[\\xf0][ ][\\x80-\\xbf][\\x80-\\xbf]
          |[\\xf0][\\x80-\\xbf][ ][\\x80-\\xbf]
          |[\\xf0][\\x80-\\xbf][\\x80-\\xbf][ ]"""
              .replace("\n", ""));

  private static final Pattern WORD_OF_A_GRAVE =
      Pattern.compile("\\xc3 (?! |quele|quela|quilo|s )");

  /** UTF-8 with bytes that were lost: 1A, or a question mark. */
  private static final Pattern LOSSY =
      Pattern.compile(
          """
          [\\xc2-\\xdf][\\x1a]
          |[\\xc2-\\xc3][?]
          |\\xed[\\xa0-\\xaf][\\x1a?]\\xed[\\xb0-\\xbf][\\x1a?\\x80-\\xbf]
          |\\xed[\\xa0-\\xaf][\\x1a?\\x80-\\xbf]\\xed[\\xb0-\\xbf][\\x1a?]
          |[\\xe0-\\xef][\\x1a?][\\x1a\\x80-\\xbf]
          |[\\xe0-\\xef][\\x1a\\x80-\\xbf][\\x1a?]
          |[\\xf0-\\xf4][\\x1a?][\\x1a\\x80-\\xbf][\\x1a\\x80-\\xbf]
          |[\\xf0-\\xf4][\\x1a\\x80-\\xbf][\\x1a?][\\x1a\\x80-\\xbf]
          |[\\xf0-\\xf4][\\x1a\\x80-\\xbf][\\x1a\\x80-\\xbf][\\x1a?]
          |\\x1a"""
              .replace("\n", ""));

  /** A character beyond U+FFFF as two surrogates of three bytes each, as old databases store it. */
  private static final Pattern SURROGATES =
      Pattern.compile("\\xed([\\xa0-\\xaf])([\\x80-\\xbf])\\xed([\\xb0-\\xbf])([\\x80-\\xbf])");

  private static final Pattern EMBEDDED = embedded();

  private Mojibake() {}

  /** What looks like UTF-8 in one of several encodings, amid text that does not. */
  private static Pattern embedded() {
    String continuation = SingleByteEncoding.charactersOf(0x80, 0xbf);
    String unusual = continuation.replaceAll("[–—―‘’‚“”„•…]", "");
    String fourBytes =
        SingleByteEncoding.charactersOf(0xf0, 0xf0) + SingleByteEncoding.charactersOf(0xf3, 0xf3);
    return Pattern.compile(
        String.format(
            Locale.ROOT,
            "(?<![%s])([%s][%s ]|[%s][%s ]{2}|[%s][%s ]{3})+",
            unusual,
            SingleByteEncoding.charactersOf(0xc2, 0xdf),
            continuation,
            SingleByteEncoding.charactersOf(0xe0, 0xef),
            continuation,
            fourBytes,
            continuation));
  }

  /** {@code text} as it was meant: ftfy's {@code fix_encoding}. */
  static String fix(String text) {
    String before = text;
    for (String after = step(before); !after.equals(before); after = step(before)) {
      before = after;
    }
    return before;
  }

  /** C1 control characters as the characters that Windows-1252 has in their place. */
  static String withoutC1Controls(String text) {
    return C1_CONTROL
        .matcher(text)
        .replaceAll(m -> SingleByteEncoding.WINDOWS_1252.decode(m.group().charAt(0)));
  }

  private static String step(String text) {
    if (!NOT_ASCII.matcher(text).find() || !Badness.isBad(text)) {
      return text;
    }
    for (SingleByteEncoding encoding : SingleByteEncoding.CANDIDATES) {
      Optional<String> decoded =
          encoding.encodes(text) ? utf8(restored(encoding, text)) : Optional.empty();
      if (decoded.isPresent()) {
        return decoded.get();
      }
    }
    String piecewise = EMBEDDED.matcher(text).replaceAll(m -> fixedPart(m, text));
    if (!piecewise.equals(text)) {
      return piecewise;
    }
    boolean isWindows1252 =
        SingleByteEncoding.LATIN_1.encodes(text) && !UNDEFINED.matcher(text).find();
    return isWindows1252 || C1_CONTROL.matcher(text).find() ? withoutC1Controls(text) : text;
  }

  private static String fixedPart(MatchResult match, String text) {
    String part = match.group();
    return Matcher.quoteReplacement(
        part.length() < text.length() && Badness.isBad(part) ? fix(part) : part);
  }

  // ---- bytes

  /** The bytes of {@code text}, those that were changed on the way made good. */
  private static String restored(SingleByteEncoding encoding, String text) {
    String bytes = encoding.encode(text);
    if (encoding.hasNoBreakSpace() && SPACE_FOR_A0.matcher(bytes).find()) {
      String words = WORD_OF_A_GRAVE.matcher(bytes).replaceAll("\u00c3\u00a0 ");
      bytes = SPACE_FOR_A0.matcher(words).replaceAll(m -> m.group().replace(' ', '\u00a0'));
    }
    return encoding.isSloppy() ? LOSSY.matcher(bytes).replaceAll("\u00ef\u00bf\u00bd") : bytes;
  }

  /** What {@code bytes} are in UTF-8, or nothing if they are not UTF-8. */
  private static Optional<String> utf8(String bytes) {
    String strict =
        SURROGATES.matcher(bytes).replaceAll(Mojibake::fourBytes).replace("\u00c0\u0080", "\0");
    try {
      return Optional.of(
          StandardCharsets.UTF_8
              .newDecoder()
              .decode(ByteBuffer.wrap(strict.getBytes(StandardCharsets.ISO_8859_1)))
              .toString());
    } catch (CharacterCodingException e) {
      return Optional.empty();
    }
  }

  private static String fourBytes(MatchResult surrogates) {
    int high = (surrogates.group(1).charAt(0) & 0xf) << 6 | surrogates.group(2).charAt(0) & 0x3f;
    int low = (surrogates.group(3).charAt(0) & 0xf) << 6 | surrogates.group(4).charAt(0) & 0x3f;
    byte[] utf8 = Character.toString(0x10000 + (high << 10) + low).getBytes(StandardCharsets.UTF_8);
    return Matcher.quoteReplacement(new String(utf8, StandardCharsets.ISO_8859_1));
  }
}
