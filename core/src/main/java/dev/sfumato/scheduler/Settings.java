package dev.sfumato.scheduler;

import com.fasterxml.jackson.core.type.TypeReference;
import dev.sfumato.SfumatoException;
import dev.sfumato.io.JsonFile;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.ArrayList;
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
    return value(key) instanceof Integer i ? i : fail(key, "a whole number");
  }

  double number(String key) {
    return value(key) instanceof Number n ? n.doubleValue() : fail(key, "a number");
  }

  /** False too if the class does not know the key: what it does not know it passes over. */
  boolean truth(String key) {
    boolean truth = value(key) instanceof Boolean b ? b : fail(key, "true or false");
    return truth && isKnown(key);
  }

  /** A number; empty for null. */
  OptionalDouble maybeNumber(String key) {
    return value(key) == null ? OptionalDouble.empty() : OptionalDouble.of(number(key));
  }

  /** A whole number; empty for null. */
  OptionalLong maybeWhole(String key) {
    Object value = value(key);
    if (value == null) {
      return OptionalLong.empty();
    }
    boolean whole = value instanceof Integer || value instanceof Long;
    return OptionalLong.of(
        whole ? ((Number) value).longValue() : this.<Long>fail(key, "a whole number"));
  }

  /** Whether the text is {@code yes}, not {@code no}; no too if the class does not know the key. */
  boolean either(String key, String yes, String no) {
    String text = text(key);
    boolean is = text.equals(yes) || !text.equals(no) && this.<Boolean>fail(key, yes + " or " + no);
    return is && isKnown(key);
  }

  /** A text; empty for null. */
  Optional<String> maybeText(String key) {
    return value(key) == null ? Optional.empty() : Optional.of(text(key));
  }

  String text(String key) {
    return value(key) instanceof String s ? s : fail(key, "a text");
  }

  /** A list of numbers; empty for null. */
  List<Double> numbers(String key) {
    Object value = value(key);
    if (value == null) {
      return List.of();
    }
    List<Double> numbers = new ArrayList<>();
    for (Object element :
        value instanceof List<?> list ? list : this.<List<?>>fail(key, "a list")) {
      numbers.add(
          element instanceof Number n ? n.doubleValue() : this.<Double>fail(key, "numbers"));
    }
    return numbers;
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

  private <T> T fail(String key, String wanted) {
    String found = String.valueOf(value(key));
    throw new SfumatoException(
        key
            + " must be "
            + wanted
            + ", not "
            + (found.length() > 40 ? found.substring(0, 40) + "..." : found));
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
