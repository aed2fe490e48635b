package dev.sfumato.clip;

import dev.sfumato.SfumatoException;
import dev.sfumato.tensor.Tensor;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Splits texts into the tokens that a CLIP network reads.
 *
 * <p>{@link #openClip} produces the tokens of open_clip's {@code SimpleTokenizer}: text is repaired
 * first (as ftfy does) and HTML entities are resolved. {@link #load} reads the tokenizer of a
 * directory in transformers' layout and produces the tokens of its {@code CLIPTokenizer}, which
 * leaves the text unrepaired, composes accents and lower-cases letter by letter. Both agree on text
 * without such glitches.
 */
public final class ClipTokenizer {
  private static final String WORDS =
      "'s|'t|'re|'ve|'m|'ll|'d|\\p{L}+|\\p{N}|[^\\p{IsWhite_Space}\\p{L}\\p{N}]+";
  private static final Pattern NONE = Pattern.compile("(?!)");

  private final ClipVocabulary vocabulary;
  private final UnaryOperator<String> cleaning;
  private final Pattern separators;
  private final Pattern words;
  private final int padding;

  /**
   * @param separators special tokens that are found before a text is cleaned
   * @param words the pattern of the words of a cleaned text
   * @param padding the token that follows the end
   */
  private ClipTokenizer(
      ClipVocabulary vocabulary,
      UnaryOperator<String> cleaning,
      Pattern separators,
      Pattern words,
      int padding) {
    this.vocabulary = vocabulary;
    this.cleaning = cleaning;
    this.separators = separators;
    this.words = words;
    this.padding = padding;
  }

  /** Returns the tokenizer of open_clip and of OpenAI's models, with the built-in vocabulary. */
  public static ClipTokenizer openClip() {
    return openClip(TextCleaning.LOWER);
  }

  static ClipTokenizer openClip(TextCleaning cleaning) {
    ClipVocabulary vocabulary = ClipVocabulary.openAi();
    String special = String.join("|", vocabulary.special());
    Pattern words =
        Pattern.compile(special + "|" + WORDS, Pattern.CASE_INSENSITIVE | Pattern.UNICODE_CASE);
    return new ClipTokenizer(vocabulary, cleaning::apply, NONE, words, 0);
  }

  /**
   * Loads the tokenizer in {@code tokenizer.json}, or in {@code vocab.json} and {@code merges.txt}.
   *
   * @throws SfumatoException naming the files that are missing or do not hold a CLIP tokenizer
   */
  public static ClipTokenizer load(Path directory) {
    return load(directory, UnaryOperator.identity());
  }

  /** Loads a tokenizer for texts that are cleaned first. */
  static ClipTokenizer load(Path directory, UnaryOperator<String> cleaning) {
    return transformers(ClipVocabulary.load(directory), cleaning);
  }

  /**
   * Makes a tokenizer for small models, by the rules of transformers: it has the symbols that the
   * first {@code merges} merges of OpenAI's vocabulary make. Rare words become more tokens.
   *
   * @throws SfumatoException if there are fewer merges
   */
  public static ClipTokenizer small(int merges) {
    return transformers(ClipVocabulary.ofMerges(merges), TextCleaning.WHITESPACE::apply);
  }

  /**
   * Makes the tokenizer of a text encoder that comes without one, by the rules of transformers:
   * OpenAI's vocabulary, or the first part of it for small models.
   *
   * @param tokens the number of tokens that the text encoder knows
   * @param longest tokens of a row, including begin and end
   * @param padding the token that follows the end
   * @throws SfumatoException if there are fewer tokens than bytes
   */
  public static ClipTokenizer builtIn(int tokens, int longest, String padding) {
    return transformers(
        ClipVocabulary.ofTokens(tokens).with(longest, padding), UnaryOperator.identity());
  }

  /** Returns true if {@link #builtIn} makes this tokenizer's vocabulary for {@code tokens}. */
  public boolean isBuiltIn(int tokens) {
    return tokens >= ClipVocabulary.FEWEST
        && vocabulary.numbers().equals(ClipVocabulary.ofTokens(tokens).numbers());
  }

  /** Returns its settings as {@code tokenizer_config.json} has them. */
  public Map<String, Object> settings() {
    return vocabulary.settings();
  }

  private static ClipTokenizer transformers(
      ClipVocabulary vocabulary, UnaryOperator<String> cleaning) {
    List<String> added = new ArrayList<>(vocabulary.added().keySet());
    added.sort(Comparator.comparing(String::length).reversed()); // the longest match counts
    String special = String.join("|", quoted(vocabulary.named()));
    Pattern separators =
        Pattern.compile(
            added.isEmpty() ? special : special + "|(?i:" + String.join("|", quoted(added)) + ")");
    return new ClipTokenizer(
        vocabulary,
        text -> ClipVocabulary.normalized(cleaning.apply(text)),
        separators,
        Pattern.compile(WORDS),
        vocabulary.padding());
  }

  /**
   * Writes {@code vocab.json}, {@code merges.txt} and {@code tokenizer_config.json}, as
   * transformers reads them.
   */
  public void save(Path directory) {
    vocabulary.save(directory);
  }

  /** Returns the same by the rules of transformers, for rows of {@code length} tokens. */
  ClipTokenizer asTransformers(int length) {
    return transformers(vocabulary.asTransformers(length), UnaryOperator.identity());
  }

  int begin() {
    return vocabulary.begin();
  }

  int end() {
    return vocabulary.end();
  }

  private static List<String> quoted(Collection<String> tokens) {
    return tokens.stream().map(Pattern::quote).toList();
  }

  /**
   * Returns the tokens of a text without begin and end; none if cleaning leaves nothing, as with
   * spaces.
   */
  public List<Integer> tokenize(String text) {
    List<Integer> tokens = new ArrayList<>();
    Matcher separator = separators.matcher(text);
    int from = 0;
    while (separator.find()) {
      addWords(text.substring(from, separator.start()), tokens);
      String name = separator.group();
      if (vocabulary.named().contains(name)) {
        tokens.add(vocabulary.token(name));
      } else {
        tokens.addAll(vocabulary.ofAdded(name));
      }
      from = separator.end();
    }
    addWords(text.substring(from), tokens);
    return Collections.unmodifiableList(tokens);
  }

  private void addWords(String text, List<Integer> tokens) {
    Matcher word = words.matcher(cleaning.apply(text));
    while (word.find()) {
      tokens.addAll(vocabulary.encode(word.group()));
    }
  }

  /**
   * Encodes texts for a network: begin, the tokens of the text, end, padding. A text that is too
   * long loses its last tokens but keeps the end.
   *
   * @param length tokens of a row, at least 2
   * @return (B, length) int64
   */
  public Tensor encode(List<String> texts, int length) {
    return rows(texts.stream().map(this::tokenize).toList(), length);
  }

  /** Makes rows of tokens like those of {@link #encode}: (B, length) int64. */
  public Tensor rows(List<List<Integer>> texts, int length) {
    long[] rows = new long[texts.size() * length];
    Arrays.fill(rows, padding);
    for (int row = 0; row < texts.size(); row++) {
      List<Integer> tokens = texts.get(row);
      int kept = Math.min(tokens.size(), length - 2);
      int at = row * length;
      rows[at++] = vocabulary.begin();
      for (int token : tokens.subList(0, kept)) {
        rows[at++] = token;
      }
      rows[at] = vocabulary.end();
    }
    return Tensor.of(rows, texts.size(), length);
  }

  /**
   * Returns the same tokenizer with a token of several vectors, {@code token}, {@code token_1} and
   * so on, numbered from {@link #size}; {@code token} in a text stands for all of them.
   *
   * @throws SfumatoException if there is such a token already
   */
  public ClipTokenizer with(String token, int vectors) {
    return transformers(vocabulary.with(token, vectors), UnaryOperator.identity());
  }

  /** Returns the symbol of a token; a word's last one ends in {@code </w>}. */
  public String name(int token) {
    return vocabulary.name(token);
  }

  /**
   * Returns the length of a row in the tokenizer's settings ({@code model_max_length}), including
   * begin and end; {@link Integer#MAX_VALUE} if not set.
   */
  public int longest() {
    return vocabulary.longest();
  }

  /** Returns one more than the largest token, the smallest possible vocabulary of a network. */
  public int size() {
    return vocabulary.size();
  }
}
