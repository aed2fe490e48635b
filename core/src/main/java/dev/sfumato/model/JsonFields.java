package dev.sfumato.model;

import dev.sfumato.SfumatoException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;

/** Takes the values of a JSON object out by key, with defaults; what nobody takes stays. */
final class JsonFields {
  private final Map<String, Object> left;

  JsonFields(Map<String, ?> json) {
    left = new LinkedHashMap<>(json);
  }

  /** What was not taken. */
  Map<String, Object> rest() {
    return left;
  }

  int integer(String key, int fallback) {
    return required(key, fallback, JsonFields::asInteger, "a whole number");
  }

  double number(String key, double fallback) {
    return required(key, fallback, v -> v instanceof Number n ? n.doubleValue() : null, "a number");
  }

  boolean flag(String key, boolean fallback) {
    return required(key, fallback, v -> v instanceof Boolean b ? b : null, "true or false");
  }

  String text(String key, String fallback) {
    return required(key, fallback, JsonFields::asText, "a text");
  }

  List<String> texts(String key, List<String> fallback) {
    return required(key, fallback, v -> listOf(v, JsonFields::asText), "a list of texts");
  }

  List<Integer> integers(String key, List<Integer> fallback) {
    return required(
        key, fallback, v -> listOf(v, JsonFields::asInteger), "a list of whole numbers");
  }

  Optional<Integer> optionalInteger(String key, Optional<Integer> fallback) {
    return optional(key, fallback, JsonFields::asInteger, "a whole number");
  }

  Optional<String> optionalText(String key, Optional<String> fallback) {
    return optional(key, fallback, JsonFields::asText, "a text");
  }

  /** A whole number, a list of them, or nothing: a list of any length. */
  List<Integer> integerOrList(String key) {
    return optional(
            key,
            Optional.<List<Integer>>empty(),
            v -> listOf(v instanceof Number ? List.of(v) : v, JsonFields::asInteger),
            "a whole number or a list of whole numbers")
        .orElse(List.of());
  }

  private <T> T required(String key, T fallback, Function<Object, T> convert, String wanted) {
    return optional(key, Optional.of(fallback), convert, wanted)
        .orElseThrow(() -> new SfumatoException(key + " must be " + wanted + ", not null"));
  }

  private <T> Optional<T> optional(
      String key, Optional<T> fallback, Function<Object, T> convert, String wanted) {
    if (!left.containsKey(key)) {
      return fallback;
    }
    Object value = left.remove(key);
    if (value == null) {
      return Optional.empty();
    }
    T converted = convert.apply(value);
    if (converted == null) {
      throw new SfumatoException(key + " must be " + wanted + ", not " + value);
    }
    return Optional.of(converted);
  }

  private static Integer asInteger(Object value) {
    return value instanceof Number n && n.doubleValue() == n.intValue() ? n.intValue() : null;
  }

  private static String asText(Object value) {
    return value instanceof String s ? s : null;
  }

  private static <T> List<T> listOf(Object value, Function<Object, T> convert) {
    if (!(value instanceof List<?> list)) {
      return null;
    }
    List<T> converted = list.stream().map(v -> v == null ? null : convert.apply(v)).toList();
    return converted.contains(null) ? null : converted;
  }
}
