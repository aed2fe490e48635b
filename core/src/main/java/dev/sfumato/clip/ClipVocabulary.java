package dev.sfumato.clip;

import com.fasterxml.jackson.databind.JsonNode;
import dev.sfumato.SfumatoException;
import dev.sfumato.io.AtomicFile;
import dev.sfumato.io.JsonFile;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.text.Normalizer;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;
import java.util.zip.GZIPInputStream;

/**
 * The tokens of a tokenizer.
 *
 * @param numbers the number of each token
 * @param pairs the encoding that cuts words
 * @param special the tokens that are never cut: the begin and the end of a text
 * @param paddingName the token that follows the end
 * @param longest tokens of a row, including begin and end
 * @param added tokens that were added to a tokenizer, such as {@code <cat>}; further vectors of one
 *     are {@code <cat>_1}, {@code <cat>_2}
 */
record ClipVocabulary(
    Map<String, Integer> numbers,
    BytePairs pairs,
    List<String> special,
    String paddingName,
    int longest,
    Map<String, Integer> added) {
  private static final List<String> TRANSFORMERS = List.of("<|startoftext|>", "<|endoftext|>");
  private static final List<String> OPEN_CLIP = List.of("<start_of_text>", "<end_of_text>");

  /** The tokens of a vocabulary without merges. */
  static final int FEWEST = BytePairs.BYTES + TRANSFORMERS.size();

  private static ClipVocabulary of(
      Map<String, Integer> numbers, List<String> merges, List<String> special) {
    return new ClipVocabulary(
        numbers,
        new BytePairs(numbers, merges),
        special,
        special.get(1),
        Integer.MAX_VALUE,
        Map.of());
  }

  /** Returns the same vocabulary with a tokenizer's settings. */
  private ClipVocabulary with(TokenizerSettings settings) {
    Map<String, Integer> more = new LinkedHashMap<>(added);
    settings.added().forEach(more::put);
    more.keySet().removeAll(special);
    return new ClipVocabulary(
        numbers, pairs, special, settings.padding().orElse(paddingName), settings.longest(), more);
  }

  /**
   * Returns the same vocabulary with a token of {@code count} vectors, numbered from {@link #size}.
   *
   * @throws SfumatoException if there is such a token already
   */
  ClipVocabulary with(String token, int count) {
    Map<String, Integer> more = new LinkedHashMap<>(added);
    for (int i = 0; i < count; i++) {
      String name = i == 0 ? token : token + "_" + i;
      if (numbers.containsKey(name) || more.put(name, size() + i) != null) {
        throw new SfumatoException(
            "the tokenizer has a token '" + name + "' already: name another");
      }
    }
    return new ClipVocabulary(numbers, pairs, special, paddingName, longest, more);
  }

  /** Returns the tokens of an added token, in any case of letters. */
  List<Integer> ofAdded(String name) {
    String known = added.keySet().stream().filter(name::equalsIgnoreCase).findFirst().orElseThrow();
    List<Integer> tokens = new ArrayList<>();
    for (int i = 0; i == 0 || added.containsKey(known + "_" + i); i++) {
      tokens.add(added.get(i == 0 ? known : known + "_" + i));
    }
    return tokens;
  }

  ClipVocabulary with(int longest, String padding) {
    return new ClipVocabulary(numbers, pairs, special, padding, longest, added);
  }

  /** Returns the token that follows the end; the end itself if the named one is unknown. */
  int padding() {
    return numbers.getOrDefault(paddingName, end());
  }

  int begin() {
    return numbers.get(special.get(0));
  }

  int end() {
    return numbers.get(special.get(1));
  }

  /** Returns the tokens that a text can name: the begin, the end and, in transformers, padding. */
  List<String> named() {
    return special.contains(paddingName) || !numbers.containsKey(paddingName)
        ? special
        : List.of(special.get(0), special.get(1), paddingName);
  }

  int token(String name) {
    return numbers.get(name);
  }

  /** Returns the symbol with this number. */
  String name(int token) {
    return Stream.concat(numbers.entrySet().stream(), added.entrySet().stream())
        .filter(entry -> entry.getValue() == token)
        .map(Map.Entry::getKey)
        .findFirst()
        .orElseThrow(() -> new SfumatoException("the tokenizer has no token " + token));
  }

  /** Returns the tokens of a word. */
  List<Integer> encode(String word) {
    return special.contains(word) ? List.of(token(word)) : pairs.encode(word, end());
  }

  int size() {
    int last = Collections.max(numbers.values());
    return 1 + (added.isEmpty() ? last : Math.max(last, Collections.max(added.values())));
  }

  /** Returns the built-in vocabulary of OpenAI's models. */
  static ClipVocabulary openAi() {
    List<String> merges = openAiMerges();
    return of(BytePairs.vocabulary(merges, OPEN_CLIP), merges, OPEN_CLIP);
  }

  /** Returns the part of it that the first {@code count} merges make, for files of transformers. */
  static ClipVocabulary ofMerges(int count) {
    List<String> all = openAiMerges();
    if (count < 0 || count > all.size()) {
      throw new SfumatoException(
          "a vocabulary has 0 to " + all.size() + " merges of OpenAI's, not " + count);
    }
    List<String> merges = all.subList(0, count);
    return of(BytePairs.vocabulary(merges, TRANSFORMERS), merges, TRANSFORMERS);
  }

  /** Returns the part of it that has {@code count} tokens, or all of it if it has fewer. */
  static ClipVocabulary ofTokens(int count) {
    int merges = count - FEWEST;
    if (merges < 0) {
      throw new SfumatoException(
          "the text encoder knows "
              + count
              + " tokens, which is less than the bytes of CLIP's tokenizer: it has another one");
    }
    return ofMerges(Math.min(merges, openAiMerges().size()));
  }

  private static List<String> openAiMerges() {
    try (BufferedReader lines =
        new BufferedReader(
            new InputStreamReader(
                new GZIPInputStream(
                    Objects.requireNonNull(
                        ClipVocabulary.class.getResourceAsStream("merges.txt.gz"))),
                StandardCharsets.UTF_8))) {
      return lines.lines().toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  // ---- files of transformers

  static ClipVocabulary load(Path directory) {
    Path whole = directory.resolve("tokenizer.json");
    Path vocabulary = directory.resolve("vocab.json");
    Path merges = directory.resolve("merges.txt");
    TokenizerSettings settings = TokenizerSettings.read(directory);
    if (Files.exists(whole)) {
      return read(whole).with(settings);
    }
    if (!Files.exists(vocabulary) || !Files.exists(merges)) {
      throw new SfumatoException(
          directory
              + ": has no tokenizer: expected tokenizer.json, or vocab.json and merges.txt, next to"
              + " the model");
    }
    Map<String, Integer> numbers = numbers(vocabulary, JsonFile.read(vocabulary, JsonNode.class));
    return checked(vocabulary, numbers, mergesOf(merges)).with(settings);
  }

  /** Returns the same tokens by transformers' names, for rows of {@code length}. */
  ClipVocabulary asTransformers(int length) {
    Map<String, Integer> named = new HashMap<>(numbers);
    for (int i = 0; i < special.size(); i++) {
      named.put(TRANSFORMERS.get(i), named.remove(special.get(i)));
    }
    String padding = special.contains(paddingName) ? TRANSFORMERS.get(1) : paddingName;
    return new ClipVocabulary(named, pairs, TRANSFORMERS, padding, length, added);
  }

  /** Writes the files that {@link #load} and transformers' {@code AutoTokenizer} read. */
  void save(Path directory) {
    Map<String, Integer> inOrder = new LinkedHashMap<>();
    numbers.entrySet().stream()
        .sorted(Map.Entry.comparingByValue())
        .forEach(token -> inOrder.put(token.getKey(), token.getValue()));
    JsonFile.write(directory.resolve("vocab.json"), inOrder);
    String lines = "#version: 0.2\n" + String.join("\n", pairs.merges()) + "\n";
    AtomicFile.write(directory.resolve("merges.txt"), lines.getBytes(StandardCharsets.UTF_8));
    JsonFile.write(directory.resolve("tokenizer_config.json"), settings());
    // These of a tokenizer that was here would win.
    AtomicFile.delete(directory.resolve("tokenizer.json"));
    AtomicFile.delete(directory.resolve("special_tokens_map.json"));
  }

  /** Returns the content of {@code tokenizer_config.json}. */
  Map<String, Object> settings() {
    Map<String, Object> settings = new LinkedHashMap<>();
    settings.put("tokenizer_class", "CLIPTokenizer");
    settings.put("bos_token", special.get(0));
    settings.put("eos_token", special.get(1));
    settings.put("unk_token", special.get(1));
    settings.put("pad_token", paddingName);
    if (longest < Integer.MAX_VALUE) {
      settings.put("model_max_length", longest);
    }
    if (!added.isEmpty()) {
      settings.put("added_tokens_decoder", decoder());
    }
    return settings;
  }

  /** Lists the added tokens and those at the ends, as transformers reads them. */
  private Map<String, Object> decoder() {
    Map<String, Object> decoder = new LinkedHashMap<>();
    special.forEach(token -> decoder.put("" + token(token), described(token, true)));
    added.forEach((token, number) -> decoder.put("" + number, described(token, false)));
    return decoder;
  }

  private static Map<String, Object> described(String token, boolean special) {
    return Map.of(
        "content", token,
        "lstrip", false,
        "normalized", true,
        "rstrip", false,
        "single_word", false,
        "special", special);
  }

  private static ClipVocabulary read(Path file) {
    JsonNode root = JsonFile.read(file, JsonNode.class);
    JsonNode model = root.path("model");
    if (!model.path("end_of_word_suffix").asText().equals("</w>")) {
      throw new SfumatoException(
          file
              + ": is not a tokenizer of CLIP: it is not a byte-pair encoding that marks ends "
              + "of words");
    }
    Map<String, Integer> numbers = numbers(file, model.path("vocab"));
    Map<String, Integer> added = new LinkedHashMap<>();
    for (JsonNode token : root.path("added_tokens")) {
      String name = token.path("content").asText();
      (TRANSFORMERS.contains(name) ? numbers : added).put(name, token.path("id").asInt());
    }
    List<String> merges = new ArrayList<>();
    for (JsonNode merge : model.path("merges")) {
      merges.add(
          merge.isArray() ? merge.path(0).asText() + ' ' + merge.path(1).asText() : merge.asText());
    }
    added.keySet().removeAll(numbers.keySet());
    ClipVocabulary plain = checked(file, numbers, merges);
    return new ClipVocabulary(
        numbers, plain.pairs, plain.special, plain.paddingName, plain.longest, added);
  }

  private static Map<String, Integer> numbers(Path file, JsonNode vocabulary) {
    Map<String, Integer> numbers = new HashMap<>();
    for (Map.Entry<String, JsonNode> token : vocabulary.properties()) {
      if (!token.getValue().canConvertToInt() || token.getValue().asInt() < 0) {
        throw new SfumatoException(file + ": token '" + token.getKey() + "' has no number");
      }
      numbers.put(token.getKey(), token.getValue().asInt());
    }
    return numbers;
  }

  private static List<String> mergesOf(Path file) {
    try {
      return Files.readAllLines(file).stream()
          .filter(line -> !line.startsWith("#version") && !line.isBlank())
          .toList();
    } catch (IOException e) {
      throw new SfumatoException(file + ": cannot be read: " + AtomicFile.reason(e), e);
    }
  }

  private static ClipVocabulary checked(
      Path file, Map<String, Integer> numbers, List<String> merges) {
    for (String token : TRANSFORMERS) {
      if (!numbers.containsKey(token)) {
        throw new SfumatoException(file + ": is not a tokenizer of CLIP: it lacks " + token);
      }
    }
    return of(numbers, merges, TRANSFORMERS);
  }

  /** Composes accents and lower-cases each letter by itself. */
  static String normalized(String text) {
    return TextCleaning.eachSmall(Normalizer.normalize(text, Normalizer.Form.NFC));
  }
}
