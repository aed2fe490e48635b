package dev.sfumato.clip;

import dev.sfumato.io.JsonFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * The settings of a transformers tokenizer besides its vocabulary.
 *
 * @param padding the token that follows the end of a text
 * @param longest tokens of a row, including begin and end
 * @param added the numbers of tokens outside of the vocabulary
 */
record TokenizerSettings(Optional<String> padding, int longest, Map<String, Integer> added) {
  private static final String PADDING = "pad_token";

  /**
   * Reads {@code tokenizer_config.json} and, in files from before 2023, {@code
   * special_tokens_map.json}, which then wins.
   */
  static TokenizerSettings read(Path directory) {
    Map<?, ?> config = json(directory.resolve("tokenizer_config.json"));
    Map<?, ?> special = json(directory.resolve("special_tokens_map.json"));
    boolean old = !config.containsKey("added_tokens_decoder") && special.containsKey(PADDING);
    Object length = config.get("model_max_length");
    return new TokenizerSettings(
        token(old ? special.get(PADDING) : config.get(PADDING)),
        length instanceof Number n && n.doubleValue() >= 2 && n.doubleValue() < Integer.MAX_VALUE
            ? n.intValue()
            : Integer.MAX_VALUE,
        added(config.get("added_tokens_decoder")));
  }

  private static Map<String, Integer> added(Object decoder) {
    Map<String, Integer> added = new LinkedHashMap<>();
    if (decoder instanceof Map<?, ?> tokens) {
      tokens.forEach(
          (number, token) -> {
            boolean special = token instanceof Map<?, ?> t && Boolean.TRUE.equals(t.get("special"));
            if (!special && number.toString().matches("\\d{1,9}")) {
              token(token).ifPresent(name -> added.put(name, Integer.valueOf(number.toString())));
            }
          });
    }
    return added;
  }

  private static Map<?, ?> json(Path file) {
    return Files.exists(file) ? JsonFile.read(file, Map.class) : Map.of();
  }

  /** Reads a token from its name, or from an object with the name as its content. */
  private static Optional<String> token(Object value) {
    Object name = value instanceof Map<?, ?> token ? token.get("content") : value;
    return name instanceof String text ? Optional.of(text) : Optional.empty();
  }
}
