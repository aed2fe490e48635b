package dev.sfumato.io;

import dev.sfumato.SfumatoException;
import java.util.List;
import java.util.function.Function;

/**
 * A value of a JSON file, asked for as what it should be.
 *
 * @param name where the value stands, for error messages: the keys that lead to it, perhaps the
 *     file
 * @param value as Jackson reads it: a text, a number, a boolean, a list, a map or null
 */
public record JsonValue(String name, Object value) {
  private static final int LONGEST = 40;

  /**
   * The value as a whole number.
   *
   * @throws SfumatoException naming the value if it is something else, as all methods do
   */
  public int integer() {
    return as("a whole number", JsonValue::asInteger);
  }

  /** The value as a whole number of 64 bits. */
  public long whole() {
    return as("a whole number", v -> v instanceof Integer || v instanceof Long ? asLong(v) : null);
  }

  /** The value as a number. */
  public double number() {
    return as("a number", JsonValue::asNumber);
  }

  /** The value as true or false. */
  public boolean flag() {
    return as("true or false", v -> v instanceof Boolean b ? b : null);
  }

  /** The value as a text. */
  public String text() {
    return as("a text", JsonValue::asText);
  }

  /** The value as a list of whole numbers. */
  public List<Integer> integers() {
    return as("a list of whole numbers", v -> listOf(v, JsonValue::asInteger));
  }

  /** The value as a list of numbers. */
  public List<Double> numbers() {
    return as("a list of numbers", v -> listOf(v, JsonValue::asNumber));
  }

  /** The value as a list of texts. */
  public List<String> texts() {
    return as("a list of texts", v -> listOf(v, JsonValue::asText));
  }

  /** A whole number, or a list of them: a list either way. */
  public List<Integer> integerOrList() {
    return as(
        "a whole number or a list of whole numbers",
        v -> listOf(v instanceof Number ? List.of(v) : v, JsonValue::asInteger));
  }

  /**
   * The value as {@code convert} reads it.
   *
   * @param wanted what it should be, in words
   * @param convert gives null for what it does not take
   */
  public <T> T as(String wanted, Function<Object, T> convert) {
    T converted = value == null ? null : convert.apply(value);
    if (converted == null) {
      throw wrong(wanted);
    }
    return converted;
  }

  /** The error that says what the value should have been. */
  public SfumatoException wrong(String wanted) {
    String found = String.valueOf(value);
    String start = found.length() > LONGEST ? found.substring(0, LONGEST) + "..." : found;
    return new SfumatoException(name + " must be " + wanted + ", not " + start);
  }

  /** Python writes NaN and Infinity, too; no setting means anything by them. */
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
