package dev.sfumato.io;

import dev.sfumato.SfumatoException;
import java.util.List;
import java.util.function.Function;

/**
 * A value of a JSON file, with methods that require a type.
 *
 * @param name the place of the value, for error messages: the keys that lead to it, perhaps with
 *     the file
 * @param value as Jackson reads it: a text, a number, a boolean, a list, a map or null
 */
public record JsonValue(String name, Object value) {
  private static final int LONGEST = 40;

  /**
   * Returns the value as a whole number.
   *
   * @throws SfumatoException naming the value if it has another type, as in all methods
   */
  public int integer() {
    return as("a whole number", JsonValue::asInteger);
  }

  /** Returns the value as a whole number of 64 bits. */
  public long whole() {
    return as("a whole number", v -> v instanceof Integer || v instanceof Long ? asLong(v) : null);
  }

  /** Returns the value as a number. */
  public double number() {
    return as("a number", JsonValue::asNumber);
  }

  /** Returns the value as true or false. */
  public boolean flag() {
    return as("true or false", v -> v instanceof Boolean b ? b : null);
  }

  /** Returns the value as a text. */
  public String text() {
    return as("a text", JsonValue::asText);
  }

  /** Returns the value as a list of whole numbers. */
  public List<Integer> integers() {
    return as("a list of whole numbers", v -> listOf(v, JsonValue::asInteger));
  }

  /** Returns the value as a list of numbers. */
  public List<Double> numbers() {
    return as("a list of numbers", v -> listOf(v, JsonValue::asNumber));
  }

  /** Returns the value as a list of texts. */
  public List<String> texts() {
    return as("a list of texts", v -> listOf(v, JsonValue::asText));
  }

  /** Returns a whole number or a list of them, always as a list. */
  public List<Integer> integerOrList() {
    return as(
        "a whole number or a list of whole numbers",
        v -> listOf(v instanceof Number ? List.of(v) : v, JsonValue::asInteger));
  }

  /**
   * Returns the value as {@code convert} reads it.
   *
   * @param wanted the required type, in words
   * @param convert returns null for values that it refuses
   */
  public <T> T as(String wanted, Function<Object, T> convert) {
    T converted = value == null ? null : convert.apply(value);
    if (converted == null) {
      throw wrong(wanted);
    }
    return converted;
  }

  /** Returns the error that names the required type. */
  public SfumatoException wrong(String wanted) {
    String found = String.valueOf(value);
    String start = found.length() > LONGEST ? found.substring(0, LONGEST) + "..." : found;
    return new SfumatoException(name + " must be " + wanted + ", not " + start);
  }

  /**
   * Returns a finite number or null; Python also writes NaN and Infinity, which no setting uses.
   */
  private static Double asNumber(Object value) {
    return value instanceof Number n && Double.isFinite(n.doubleValue()) ? n.doubleValue() : null;
  }

  private static Integer asInteger(Object value) {
    return value instanceof Number n && n.doubleValue() == n.intValue() ? n.intValue() : null;
  }

  private static Long asLong(Object value) {
    return ((Number) value).longValue();
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
