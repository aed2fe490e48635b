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
    return required(key, fallback, JsonFields::asNumber, "a number");
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

  /** A number, or nothing. */
  Optional<Double> optionalNumber(String key) {
    return optional(key, Optional.empty(), JsonFields::asNumber, "a number");
  }

  /** A list of numbers; empty for nothing. */
  List<Double> numbersOrNull(String key) {
    return optional(
            key,
            Optional.<List<Double>>empty(),
            v -> listOf(v, JsonFields::asNumber),
            "a list of numbers")
        .orElse(List.of());
  }

  /** A whole number for all levels, or a list of one each. */
  PerLevel<Integer> integerPerLevel(String key, int fallback) {
    return perLevel(key, fallback, JsonFields::asInteger, "a whole number or a list of them");
  }

  /** True or false for all levels, or a list of one each. */
  PerLevel<Boolean> flagPerLevel(String key, boolean fallback) {
    return perLevel(
        key, fallback, v -> v instanceof Boolean b ? b : null, "true, false or a list of them");
  }

  private <T> PerLevel<T> perLevel(
      String key, T fallback, Function<Object, T> convert, String wanted) {
    return required(
        key,
        PerLevel.all(fallback),
        value -> {
          if (value instanceof List<?>) {
            List<T> values = listOf(value, convert);
            return values == null || values.isEmpty() ? null : new PerLevel<>(values, true);
          }
          T one = convert.apply(value);
          return one == null ? null : PerLevel.all(one);
        },
        wanted);
  }

  /** True, false, or null for false, as old files have it. */
  boolean flagOrNull(String key) {
    return optional(
            key, Optional.of(false), v -> v instanceof Boolean b ? b : null, "true or false")
        .orElse(false);
  }

  /** A whole number without the ".0", as Python's files have it. */
  static Object plain(double value) {
    return value == Math.rint(value) && Math.abs(value) < 1e9
        ? (Object) (int) value
        : (Object) value;
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

  private static Double asNumber(Object value) {
    return value instanceof Number n ? n.doubleValue() : null;
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
