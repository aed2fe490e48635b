package dev.sfumato.io;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.core.json.JsonReadFeature;
import com.fasterxml.jackson.core.json.JsonWriteFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.sfumato.SfumatoException;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/** Records to JSON files and back; components are named in snake_case there. */
public final class JsonFile {
  /** The mapper that all configuration files share. */
  public static final ObjectMapper MAPPER =
      JsonMapper.builder()
          .propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE)
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          // Python writes -Infinity for it; diffusers has such a setting.
          .enable(JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS)
          .disable(JsonWriteFeature.WRITE_NAN_AS_STRINGS)
          .disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
          // 1.5 is not silently 1.
          .disable(DeserializationFeature.ACCEPT_FLOAT_AS_INT)
          .build();

  private static final long LARGEST = 100_000_000;

  private JsonFile() {}

  /**
   * Reads a file into a record, a map or a tree.
   *
   * @throws SfumatoException naming the file, and the place in it, if it is missing or does not fit
   */
  public static <T> T read(Path file, Class<T> type) {
    GitLfs.requireContent(file);
    try {
      if (Files.size(file) > LARGEST) {
        throw new SfumatoException(file + ": is larger than any file of settings");
      }
      return Optional.ofNullable(
              MAPPER
                  .readerFor(type)
                  .with(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
                  .<T>readValue(Files.readString(file)))
          .orElseThrow(() -> new SfumatoException(file + ": holds null, not settings"));
    } catch (JacksonException e) {
      Throwable cause = e.getCause() instanceof SfumatoException s ? s : e;
      String message =
          cause instanceof JsonProcessingException j ? j.getOriginalMessage() : cause.getMessage();
      String place = e.getLocation() == null ? "" : ", line " + e.getLocation().getLineNr();
      throw new SfumatoException(file + place + ": " + message.lines().findFirst().orElse(""), e);
    } catch (CharacterCodingException e) {
      throw new SfumatoException(file + ": is no UTF-8 text", e);
    } catch (IOException e) {
      throw new SfumatoException(file + ": cannot be read: " + AtomicFile.reason(e), e);
    }
  }

  /**
   * Returns the value that {@code text} is as JSON; a text that is not JSON is itself the value.
   */
  public static Object value(String text) {
    try {
      return MAPPER
          .readerFor(Object.class)
          .with(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .readValue(text);
    } catch (JsonProcessingException e) {
      return text;
    }
  }

  /** Writes {@code value} with indents, atomically. */
  public static void write(Path file, Object value) {
    try {
      AtomicFile.write(
          file,
          MAPPER
              .writerWithDefaultPrettyPrinter()
              .writeValueAsString(value)
              .concat("\n")
              .getBytes(java.nio.charset.StandardCharsets.UTF_8));
    } catch (JsonProcessingException e) {
      throw new SfumatoException(file + ": cannot be written as JSON: " + e.getMessage(), e);
    }
  }
}
