package dev.sfumato.clip;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Character references of HTML 5, such as {@code &eacute;} and {@code &#233;}. */
final class HtmlEntities {
  private static final Pattern REFERENCE =
      Pattern.compile("&(#[0-9]+;?|#[xX][0-9a-fA-F]+;?|[^\\t\\n\\f <&#;]{1,32};?)");
  private static final Map<String, String> NAMED = readNames();

  private HtmlEntities() {}

  /** Reads lines of a name, with its semicolon if it needs one, and code points. */
  private static Map<String, String> readNames() {
    Map<String, String> names = new HashMap<>();
    try (BufferedReader lines =
        new BufferedReader(
            new InputStreamReader(
                Objects.requireNonNull(HtmlEntities.class.getResourceAsStream("entities.txt")),
                StandardCharsets.US_ASCII))) {
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        String[] parts = line.split(" ");
        StringBuilder characters = new StringBuilder();
        for (int i = 1; i < parts.length; i++) {
          characters.appendCodePoint(Integer.parseInt(parts[i], 16));
        }
        names.put(parts[0], characters.toString());
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return names;
  }

  /** Returns the characters of a name such as {@code eacute;}. */
  static Optional<String> named(String name) {
    return Optional.ofNullable(NAMED.get(name));
  }

  /** Returns every name with its characters. */
  static Map<String, String> names() {
    return NAMED;
  }

  /**
   * Resolves every reference in {@code text} as a browser does, also without a semicolon: Python's
   * {@code html.unescape}.
   */
  static String unescape(String text) {
    return text.indexOf('&') < 0
        ? text
        : REFERENCE.matcher(text).replaceAll(m -> Matcher.quoteReplacement(resolve(m.group(1))));
  }

  private static String resolve(String reference) {
    if (reference.charAt(0) == '#') {
      return numbered(reference.substring(1).replace(";", ""));
    }
    for (int end = reference.length(); end > 1; end--) {
      String characters = NAMED.get(reference.substring(0, end));
      if (characters != null) {
        return characters + reference.substring(end);
      }
    }
    return "&" + reference;
  }

  private static String numbered(String number) {
    boolean hex = number.charAt(0) == 'x' || number.charAt(0) == 'X';
    String digits = (hex ? number.substring(1) : number).replaceFirst("^0+(?=.)", "");
    long code = digits.length() > 8 ? Long.MAX_VALUE : Long.parseLong(digits, hex ? 16 : 10);
    if (code == 0 || code >= 0xd800 && code <= 0xdfff || code > 0x10ffff) {
      return "\ufffd";
    }
    if (code >= 0x80 && code < 0xa0) {
      return SingleByteEncoding.WINDOWS_1252.decode((int) code);
    }
    return isForbidden((int) code) ? "" : Character.toString((int) code);
  }

  /** Returns true for control characters and code points that are never characters. */
  private static boolean isForbidden(int code) {
    return code < 0x20 && code != '\t' && code != '\n' && code != '\f' && code != '\r'
        || code == 0x7f
        || code >= 0xfdd0 && code <= 0xfdef
        || (code & 0xfffe) == 0xfffe;
  }
}
