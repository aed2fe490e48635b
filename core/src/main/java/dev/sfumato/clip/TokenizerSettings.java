package dev.sfumato.clip;

import dev.sfumato.io.JsonFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;

/**
 * What a tokenizer of transformers says besides its vocabulary.
 *
 * @param padding the token that follows the end of a text
 * @param longest tokens of a row, begin and end included
 */
record TokenizerSettings(Optional<String> padding, int longest) {
  private static final String PADDING = "pad_token";

  /**
   * Reads {@code tokenizer_config.json} and, of files from before 2023, {@code
   * special_tokens_map.json}, which then counts.
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
            : Integer.MAX_VALUE);
  }

  private static Map<?, ?> json(Path file) {
    return Files.exists(file) ? JsonFile.read(file, Map.class) : Map.of();
  }

  /** A token by its name, or by an object that has it as its content. */
  private static Optional<String> token(Object value) {
    Object name = value instanceof Map<?, ?> token ? token.get("content") : value;
    return name instanceof String text ? Optional.of(text) : Optional.empty();
  }
}
