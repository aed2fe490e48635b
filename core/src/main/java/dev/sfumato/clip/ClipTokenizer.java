package dev.sfumato.clip;

import dev.sfumato.SfumatoException;
import dev.sfumato.tensor.Tensor;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.function.UnaryOperator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Texts to the tokens that a CLIP network reads.
 *
 * <p>{@link #openClip} gives the tokens of open_clip's {@code SimpleTokenizer}: text is repaired
 * first (as ftfy does) and HTML entities are resolved. {@link #load} reads the tokenizer of a
 * directory in transformers' layout and gives the tokens of its {@code CLIPTokenizer}, which takes
 * the text as it is, composes accents and lower-cases letter by letter. Both agree on text without
 * such glitches.
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
   * @param separators special tokens that are looked for before a text is cleaned
   * @param words what a cleaned text is cut into
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

  /** The tokenizer of open_clip and of OpenAI's models, with the vocabulary that ships. */
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
   * The tokenizer in {@code tokenizer.json}, or in {@code vocab.json} and {@code merges.txt}.
   *
   * @throws SfumatoException naming the files that are missing, or what is no tokenizer of CLIP
   */
  public static ClipTokenizer load(Path directory) {
    return load(directory, UnaryOperator.identity());
  }

  /** The same for texts that are cleaned first. */
  static ClipTokenizer load(Path directory, UnaryOperator<String> cleaning) {
    return transformers(ClipVocabulary.load(directory), cleaning);
  }

  /**
   * A tokenizer for small models, by the rules of transformers: of OpenAI's vocabulary the symbols
   * that the first {@code merges} merges make. Rare words become more tokens.
   *
   * @throws SfumatoException if there are not so many merges
   */
  public static ClipTokenizer small(int merges) {
    return transformers(ClipVocabulary.openAi(merges), TextCleaning.WHITESPACE::apply);
  }

  private static ClipTokenizer transformers(
      ClipVocabulary vocabulary, UnaryOperator<String> cleaning) {
    Pattern special = Pattern.compile(String.join("|", quoted(vocabulary.special())));
    return new ClipTokenizer(
        vocabulary,
        text -> ClipVocabulary.normalized(cleaning.apply(text)),
        special,
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

  private static List<String> quoted(Collection<String> tokens) {
    return tokens.stream().map(Pattern::quote).toList();
  }

  /**
   * The tokens of a text alone, without begin and end; none if nothing of the text is left, such as
   * of spaces.
   */
  public List<Integer> tokenize(String text) {
    List<Integer> tokens = new ArrayList<>();
    Matcher separator = separators.matcher(text);
    int from = 0;
    while (separator.find()) {
      addWords(text.substring(from, separator.start()), tokens);
      tokens.add(vocabulary.token(separator.group()));
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
   * What a network reads: begin, the tokens of the text, end, padding. A text that is too long
   * loses its last tokens and keeps the end.
   *
   * @param length tokens of a row, at least 2
   * @return (B, length) int64
   */
  public Tensor encode(List<String> texts, int length) {
    long[] rows = new long[texts.size() * length];
    Arrays.fill(rows, padding);
    for (int row = 0; row < texts.size(); row++) {
      List<Integer> tokens = tokenize(texts.get(row));
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
   * How many tokens a row has by the tokenizer's own settings ({@code model_max_length}), begin and
   * end included; {@link Integer#MAX_VALUE} if it does not say.
   */
  public int longest() {
    return vocabulary.longest();
  }

  /** One more than the largest token: what a network's vocabulary must have at least. */
  public int size() {
    return vocabulary.size();
  }
}
