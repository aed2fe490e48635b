package dev.sfumato.io;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.core.json.JsonReadFeature;
import com.fasterxml.jackson.core.json.JsonWriteFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonMappingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.exc.InvalidFormatException;
import com.fasterxml.jackson.databind.exc.MismatchedInputException;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.util.ClassUtil;
import dev.sfumato.Printable;
import dev.sfumato.SfumatoException;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collection;
import java.util.List;
import java.util.Optional;

/** Converts records to JSON files and back; their components are in snake_case in the files. */
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
          // 1.5 must not silently become 1.
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
        throw new SfumatoException(file + ": is too large for a settings file");
      }
      return Optional.ofNullable(
              MAPPER
                  .readerFor(type)
                  .with(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
                  .<T>readValue(Files.readString(file)))
          .orElseThrow(() -> new SfumatoException(file + ": holds null, not settings"));
    } catch (JacksonException e) {
      int line = e.getLocation() == null ? 0 : e.getLocation().getLineNr();
      throw new SfumatoException(file + (line > 0 ? ", line " + line : "") + ": " + reason(e), e);
    } catch (CharacterCodingException e) {
      throw new SfumatoException(file + ": is not UTF-8 text", e);
    } catch (IOException e) {
      throw new SfumatoException(file + ": cannot be read: " + AtomicFile.reason(e), e);
    }
  }

  private static String reason(JacksonException e) {
    if (e.getCause() instanceof SfumatoException ours) {
      return ours.getMessage();
    }
    if (e instanceof MismatchedInputException wrong
        && wrong.getTargetType() != null
        && wrong.getOriginalMessage().startsWith("Cannot ")) {
      return mismatch(wrong);
    }
    String first = e.getOriginalMessage().lines().findFirst().orElse("");
    return first.replaceFirst(" \\(start marker at .*", ""); // which says that the source is hidden
  }

  /** Names a value of another type than the setting's by its keys, such as {@code a.b[0]}. */
  private static String mismatch(MismatchedInputException wrong) {
    StringBuilder name = new StringBuilder();
    for (JsonMappingException.Reference step : wrong.getPath()) {
      name.append(
          step.getFieldName() == null
              ? "[" + step.getIndex() + "]"
              : (name.isEmpty() ? "" : ".") + step.getFieldName());
    }
    String found =
        wrong instanceof InvalidFormatException value && value.getValue() != null
            ? ", not '" + Printable.shortened(value.getValue().toString()) + "'"
            : "";
    return (name.isEmpty() ? "the file" : name) + " must be " + type(wrong) + found;
  }

  private static String type(MismatchedInputException wrong) {
    Class<?> type =
        wrong.getTargetType().isPrimitive()
            ? ClassUtil.wrapperType(wrong.getTargetType())
            : wrong.getTargetType();
    return List.of(Integer.class, Long.class).contains(type)
        ? "a whole number"
        : Number.class.isAssignableFrom(type)
            ? "a number"
            : type == Boolean.class
                ? "true or false"
                : type == String.class || type.isEnum()
                    ? "a text"
                    : Collection.class.isAssignableFrom(type) || type.isArray()
                        ? "a list"
                        : "a JSON object";
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

  /** Returns {@code value} as JSON in one line, the inverse of {@link #value}. */
  public static String line(Object value) {
    try {
      return MAPPER.writeValueAsString(value);
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException(e);
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
              .getBytes(StandardCharsets.UTF_8));
    } catch (JsonProcessingException e) {
      throw new SfumatoException(file + ": cannot be written as JSON: " + e.getMessage(), e);
    }
  }
}
