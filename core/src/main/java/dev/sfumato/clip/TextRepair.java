package dev.sfumato.clip;

import java.text.Normalizer;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * Repairs glitches of text, as {@code ftfy.fix_text} of ftfy 6.3.1 does with its defaults: HTML
 * entities, {@linkplain Mojibake mojibake}, ligatures, characters of unusual width, curly quotes,
 * line breaks, surrogates, terminal escapes, control characters, and the composition of accents.
 */
final class TextRepair {
  private static final Pattern ENTITY = Pattern.compile("&#?[0-9A-Za-z]{1,24};");
  private static final Pattern LINE_BREAK = Pattern.compile("\r\n|[\r\u2028\u2029\u0085]");
  private static final Pattern LONE_SURROGATE = Pattern.compile("[\\ud800-\\udfff]");
  private static final Pattern TERMINAL_ESCAPE = Pattern.compile("\u001b\\[[\\p{Nd};]*[a-zA-Z]");
  private static final Pattern CONTROL =
      Pattern.compile("[\\x00-\\x08\\x0b\\x0e-\\x1f\\x7f\\u206a-\\u206f\\ufeff\\ufff9-\\ufffc]");
  private static final Map<Character, String> LETTERS = letters();
  private static final Map<String, String> CAPITAL_ENTITIES = capitalEntities();

  private TextRepair() {}

  /** Lists Latin ligatures and digraphs, and characters of unusual width. */
  private static Map<Character, String> letters() {
    Map<Character, String> letters = new HashMap<>();
    for (char c : "ĲĳǱǲǳǄǅǆǇǈǉǊǋǌﬀﬁﬂﬃﬄﬆ".toCharArray()) {
      letters.put(c, Normalizer.normalize(String.valueOf(c), Normalizer.Form.NFKC));
    }
    letters.put('ŉ', "ʼn");
    letters.put('ﬅ', "ſt");
    letters.put('\u3000', " ");
    for (char c = '\uff01'; c < '\ufff0'; c++) {
      letters.put(c, Normalizer.normalize(String.valueOf(c), Normalizer.Form.NFKC));
    }
    return letters;
  }

  /** Lists entities whose names were turned into capitals, such as {@code &EACUTE;}. */
  private static Map<String, String> capitalEntities() {
    Map<String, String> capitals = new HashMap<>();
    HtmlEntities.names()
        .forEach(
            (name, characters) -> {
              String capital = name.toUpperCase(Locale.ROOT);
              if (name.endsWith(";")
                  && name.equals(name.toLowerCase(Locale.ROOT))
                  && HtmlEntities.unescape("&" + capital).equals("&" + capital)) {
                capitals.put(capital, characters.toUpperCase(Locale.ROOT));
              }
            });
    return capitals;
  }

  /** Returns the repaired text; each line is repaired separately. */
  static String fix(String text) {
    StringBuilder fixed = new StringBuilder();
    boolean unescape = true;
    for (String line : text.split("(?<=\n)")) {
      unescape &= line.indexOf('<') < 0; // from here on the text may be HTML on purpose
      fixed.append(fixLine(line, unescape));
    }
    return fixed.toString();
  }

  private static String fixLine(String line, boolean unescape) {
    String before = line;
    for (String after = pass(before, unescape);
        !after.equals(before);
        after = pass(before, unescape)) {
      before = after;
    }
    return before;
  }

  private static String pass(String line, boolean unescape) {
    String text = unescape ? ENTITY.matcher(line).replaceAll(TextRepair::entity) : line;
    text = Mojibake.withoutC1Controls(Mojibake.fix(text));
    text = text.chars().mapToObj(c -> usual((char) c)).collect(Collectors.joining());
    text = text.replaceAll("[\u201c-\u201f]", "\"").replaceAll("[\u02bc\u2018-\u201b]", "'");
    text = LINE_BREAK.matcher(text).replaceAll("\n");
    text = LONE_SURROGATE.matcher(text).replaceAll("\ufffd");
    text = TERMINAL_ESCAPE.matcher(text).replaceAll("");
    text = CONTROL.matcher(text).replaceAll("");
    return Normalizer.normalize(text, Normalizer.Form.NFC);
  }

  private static String usual(char c) {
    String letters = LETTERS.get(c);
    return letters == null ? String.valueOf(c) : letters;
  }

  private static String entity(MatchResult match) {
    String entity = match.group();
    String name = entity.substring(1);
    String characters =
        HtmlEntities.named(name)
            .orElseGet(
                () ->
                    entity.startsWith("&#")
                        ? HtmlEntities.unescape(entity)
                        : CAPITAL_ENTITIES.getOrDefault(name, entity));
    return Matcher.quoteReplacement(
        entity.startsWith("&#") && characters.contains(";") ? entity : characters);
  }
}
