package dev.sfumato.scheduler;

import com.fasterxml.jackson.core.type.TypeReference;
import dev.sfumato.io.JsonFile;
import dev.sfumato.io.JsonValue;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalLong;

/**
 * Typed values by key: what is set, else the default of the class, else that of the first class in
 * {@code defaults.json} which knows the key.
 */
record Settings(String className, Map<String, Object> values) {
  private static final Map<String, Map<String, Object>> DEFAULTS = readDefaults();

  /** All keys of a class of diffusers; none for a class that has no defaults here. */
  static Map<String, Object> defaultsOf(String className) {
    return DEFAULTS.getOrDefault(className, Map.of());
  }

  int integer(String key) {
    return get(key).integer();
  }

  double number(String key) {
    return get(key).number();
  }

  /** A number that may be infinite. */
  double numberOrInfinity(String key) {
    return get(key)
        .as(
            "a number",
            v -> v instanceof Number n && !Double.isNaN(n.doubleValue()) ? n.doubleValue() : null);
  }

  /** False too if the class does not know the key: what it does not know it passes over. */
  boolean truth(String key) {
    return get(key).flag() && isKnown(key);
  }

  /** A number; empty for null. */
  OptionalDouble maybeNumber(String key) {
    return isNull(key) ? OptionalDouble.empty() : OptionalDouble.of(number(key));
  }

  /** A whole number; empty for null. */
  OptionalLong maybeWhole(String key) {
    return isNull(key) ? OptionalLong.empty() : OptionalLong.of(get(key).whole());
  }

  /** Whether the text is {@code yes}, not {@code no}; no too if the class does not know the key. */
  boolean either(String key, String yes, String no) {
    String text = text(key);
    if (!text.equals(yes) && !text.equals(no)) {
      throw get(key).wrong(yes + " or " + no);
    }
    return text.equals(yes) && isKnown(key);
  }

  /** A text; empty for null. */
  Optional<String> maybeText(String key) {
    return isNull(key) ? Optional.empty() : Optional.of(text(key));
  }

  String text(String key) {
    return get(key).text();
  }

  /** A list of numbers; empty for null. */
  List<Double> numbers(String key) {
    return isNull(key) ? List.of() : get(key).numbers();
  }

  private boolean isNull(String key) {
    return value(key) == null;
  }

  private JsonValue get(String key) {
    return new JsonValue(key, value(key));
  }

  private boolean isKnown(String key) {
    Map<String, Object> defaults = defaultsOf(className);
    return defaults.isEmpty() || defaults.containsKey(key);
  }

  private Object value(String key) {
    if (values.containsKey(key)) {
      return values.get(key);
    }
    if (defaultsOf(className).containsKey(key)) {
      return defaultsOf(className).get(key);
    }
    for (Map<String, Object> defaults : DEFAULTS.values()) {
      if (defaults.containsKey(key)) {
        return defaults.get(key);
      }
    }
    throw new AssertionError(key);
  }

  private static Map<String, Map<String, Object>> readDefaults() {
    try (InputStream json = Settings.class.getResourceAsStream("defaults.json")) {
      return JsonFile.MAPPER.readValue(
          json, new TypeReference<LinkedHashMap<String, Map<String, Object>>>() {});
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
