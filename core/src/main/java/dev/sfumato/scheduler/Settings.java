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

  boolean truth(String key) {
    return value(key) instanceof Boolean b ? b : fail(key, "true or false");
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
