package dev.sfumato.pipeline;

import dev.sfumato.SfumatoException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Parses prompts in the syntax of the library compel: {@code word++}, {@code word-}, {@code (some
 * words)1.2}, {@code ("one", "two").and()} and {@code ("one", "two").blend(1, 0.5)}. What does not
 * parse is text, as there.
 */
final class CompelParser {
  private static final double MORE = 1.1;
  private static final double LESS = 0.9;
  private static final Pattern SIGNS = Pattern.compile("\\++|-+");
  private static final Pattern NUMBER = Pattern.compile("[+-]?(\\d+\\.\\d*|\\d*\\.\\d+)|-?\\d+");
  private static final Pattern WORD =
      Pattern.compile("(\\\\[()\",.+=-]|[+-](?![\\s()\",.+=-]|$)|-?\\d+|[^\\s()\",.+=-])+");
  private static final Pattern FREE = Pattern.compile("\\S+");
  private static final Pattern QUOTED = Pattern.compile("\"((?:\\\\\"|[^\"\\n])*)\"");
  private static final Pattern REFUSED = Pattern.compile("\\.swap\\(|\\b(?:use|with)Lora\\(");
  private static final Pattern OPTION = Pattern.compile("[\\w-]+(?:\\.\\d*)?");
  private static final String NOT_NORMALISED = "no_normalize";

  /**
   * Prompts whose states are mixed; mostly a single one.
   *
   * @param prompts the parts of each prompt
   * @param shares the share of each prompt in the mixture
   * @param weight of the whole among the clauses that stand one after the other
   */
  record Clause(List<List<WeightedText>> prompts, List<Double> shares, double weight) {}

  private final String text;
  private int at;

  private CompelParser(String text) {
    this.text = text;
  }

  /**
   * Parses a prompt.
   *
   * @return the clauses, whose states stand one after the other
   * @throws SfumatoException if it asks for what is not supported, or numbers do not fit
   */
  static List<Clause> parse(String prompt) {
    Matcher refused = REFUSED.matcher(prompt);
    if (refused.find()) {
      throw new SfumatoException(
          refused.group().startsWith(".")
              ? "compel's .swap() is not supported in prompts"
              : "withLora() is not supported in prompts: load LoRA files with the model");
    }
    CompelParser parser = new CompelParser(prompt.replaceAll(",(?=\\S)", ", "));
    return parser
        .combined()
        .orElseGet(() -> List.of(new Clause(List.of(fused(parser.prompt())), List.of(1.0), 1)));
  }

  // ---- .and() and .blend()

  private Optional<List<Clause>> combined() {
    Optional<List<List<WeightedText>>> targets = targets();
    skipSpace();
    boolean and = targets.isPresent() && (eats(".and(") || eats(".add("));
    if (targets.isEmpty() || !and && !eats(".blend(")) {
      at = 0;
      return Optional.empty();
    }
    List<String> options = options();
    boolean normalised = !options.remove(NOT_NORMALISED);
    List<Double> weights = options.stream().map(CompelParser::weight).toList();
    List<List<WeightedText>> prompts = targets.get();
    if (weights.isEmpty()) {
      weights = prompts.stream().map(p -> 1.0).toList();
    }
    if (weights.size() != prompts.size()) {
      throw new SfumatoException(
          "the prompt combines " + prompts.size() + " texts by " + weights.size() + " weights");
    }
    if (and) {
      List<Clause> clauses = new ArrayList<>();
      for (int i = 0; i < prompts.size(); i++) {
        clauses.add(new Clause(List.of(prompts.get(i)), List.of(1.0), weights.get(i)));
      }
      return Optional.of(clauses);
    }
    double sum = normalised ? weights.stream().mapToDouble(w -> w).sum() : 1;
    return Optional.of(
        List.of(new Clause(prompts, weights.stream().map(w -> w / sum).toList(), 1)));
  }

  /** Returns the texts in a list such as {@code ("one", "two")}. */
  private Optional<List<List<WeightedText>>> targets() {
    skipSpace();
    if (!eats("(")) {
      return Optional.empty();
    }
    List<List<WeightedText>> targets = new ArrayList<>();
    do {
      Optional<List<WeightedText>> target = quoted(true).or(this::bracketed).or(this::word);
      if (target.isEmpty()) {
        return Optional.empty();
      }
      targets.add(fused(target.get()));
      skipSpace();
    } while (eats(","));
    return eats(")") ? Optional.of(targets) : Optional.empty();
  }

  private List<String> options() {
    List<String> options = new ArrayList<>();
    do {
      skipSpace();
      match(OPTION).ifPresent(options::add);
      skipSpace();
    } while (eats(","));
    if (!eats(")")) {
      throw new SfumatoException("the prompt has .and( or .blend( without weights and a )");
    }
    return options;
  }

  private static double weight(String option) {
    try {
      return Double.parseDouble(option);
    } catch (NumberFormatException e) {
      throw new SfumatoException("the weight '" + option + "' in the prompt is not a number", e);
    }
  }

  // ---- one prompt

  private List<WeightedText> prompt() {
    List<WeightedText> parts = new ArrayList<>();
    for (skipSpace(); at < text.length(); skipSpace()) {
      parts.addAll(
          group()
              .or(this::signed)
              .orElseGet(() -> List.of(new WeightedText(plain(match(FREE).orElseThrow()), 1))));
    }
    return parts;
  }

  /** Returns the words in quotes or brackets, times the weight behind them, if there is one. */
  private Optional<List<WeightedText>> group() {
    return quoted(false)
        .or(this::bracketed)
        .map(words -> times(words, weightBehind(true).orElse(1.0)));
  }

  /** Returns a word with signs behind it. */
  private Optional<List<WeightedText>> signed() {
    int start = at;
    Optional<List<WeightedText>> word = word();
    Optional<Double> weight = word.flatMap(words -> weightBehind(false));
    if (weight.isEmpty()) {
      at = start;
      return Optional.empty();
    }
    return word.map(words -> times(words, weight.get()));
  }

  private static List<WeightedText> times(List<WeightedText> parts, double factor) {
    return parts.stream()
        .map(part -> new WeightedText(part.text(), part.weight() * factor))
        .toList();
  }

  private Optional<Double> weightBehind(boolean number) {
    Optional<String> signs = match(SIGNS);
    return signs.isPresent()
        ? signs.map(s -> Math.pow(s.startsWith("+") ? MORE : LESS, s.length()))
        : number ? match(NUMBER).map(Double::parseDouble) : Optional.empty();
  }

  /** Returns the content of round brackets. */
  private Optional<List<WeightedText>> bracketed() {
    int start = at;
    if (eats("(")) {
      List<WeightedText> parts = words();
      if (eats(")")) {
        return Optional.of(parts);
      }
    }
    at = start;
    return Optional.empty();
  }

  /** Returns the content of quotes; a {@code free} one may hold anything. */
  private Optional<List<WeightedText>> quoted(boolean free) {
    int start = at;
    skipSpace();
    Matcher quotes = QUOTED.matcher(text).region(at, text.length());
    if (!quotes.lookingAt()) {
      at = start;
      return Optional.empty();
    }
    CompelParser inside = new CompelParser(quotes.group(1));
    List<WeightedText> parts = inside.words();
    if (inside.at < inside.text.length()) {
      if (!free) {
        at = start;
        return Optional.empty();
      }
      inside.at = 0;
      parts = inside.prompt();
    }
    at = quotes.end();
    return Optional.of(parts);
  }

  /** Returns parts as long as they parse, without words that hold syntax. */
  private List<WeightedText> words() {
    List<WeightedText> parts = new ArrayList<>();
    while (true) {
      skipSpace();
      Optional<List<WeightedText>> part = group().or(this::signed).or(this::word).or(this::stop);
      if (part.isEmpty()) {
        return parts;
      }
      parts.addAll(part.get());
    }
  }

  private Optional<List<WeightedText>> word() {
    skipSpace();
    return match(WORD).map(word -> List.of(new WeightedText(plain(word), 1)));
  }

  private Optional<List<WeightedText>> stop() {
    return eats(",")
        ? Optional.of(List.of(new WeightedText(",", 1)))
        : eats(".") ? Optional.of(List.of(new WeightedText(".", 1))) : Optional.empty();
  }

  private static String plain(String text) {
    return text.replace("\\(", "(").replace("\\)", ")").replace("\\\"", "\"");
  }

  /** Joins neighbours of one weight. */
  private static List<WeightedText> fused(List<WeightedText> parts) {
    List<WeightedText> fused = new ArrayList<>();
    for (WeightedText part : parts) {
      int last = fused.size() - 1;
      if (last >= 0 && fused.get(last).weight() == part.weight()) {
        String joined = fused.get(last).text() + ' ' + part.text();
        fused.set(last, new WeightedText(joined, part.weight()));
      } else {
        fused.add(part);
      }
    }
    return fused;
  }

  // ---- characters

  private void skipSpace() {
    while (at < text.length() && Character.isWhitespace(text.charAt(at))) {
      at++;
    }
  }

  private boolean eats(String symbol) {
    boolean here = text.startsWith(symbol, at);
    at += here ? symbol.length() : 0;
    return here;
  }

  private Optional<String> match(Pattern pattern) {
    Matcher matcher = pattern.matcher(text).region(at, text.length()).useTransparentBounds(true);
    if (!matcher.lookingAt()) {
      return Optional.empty();
    }
    at = matcher.end();
    return Optional.of(matcher.group());
  }
}
