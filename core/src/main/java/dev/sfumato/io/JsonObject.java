package dev.sfumato.io;

import dev.sfumato.SfumatoException;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;

/**
 * The typed values of a JSON object, with defaults for keys that are absent. A null counts as
 * present: it is an error for a required key, and empty for an optional one.
 */
public final class JsonObject {
  private final String source;
  private final Map<String, Object> values;
  private final Set<String> asked = new LinkedHashSet<>();

  private JsonObject(String source, Map<String, ?> values) {
    this.source = source;
    this.values = Collections.unmodifiableMap(new LinkedHashMap<>(values));
  }

  /** Makes an object of these keys and values. */
  public static JsonObject of(Map<String, ?> values) {
    return of("", values);
  }

  /**
   * Makes an object of these keys and values.
   *
   * @param source the place of the object, for error messages, such as {@code "config.json: "}
   */
  public static JsonObject of(String source, Map<String, ?> values) {
    return new JsonObject(source, values);
  }

  /**
   * Reads the object in a file.
   *
   * @throws SfumatoException naming the file if it is missing or holds anything else
   */
  public static JsonObject read(Path file) {
    return new JsonObject(
        file + ": ", map(new JsonValue(file.toString(), JsonFile.read(file, Object.class))));
  }

  @SuppressWarnings("unchecked")
  private static Map<String, Object> map(JsonValue value) {
    return value.as(
        "a JSON object", v -> v instanceof Map<?, ?> m ? (Map<String, Object>) m : null);
  }

  /** Returns the same without keys whose value is null, also in nested objects. */
  public JsonObject withoutNulls() {
    return new JsonObject(source, withoutNulls(values));
  }

  private static Map<String, Object> withoutNulls(Map<?, ?> map) {
    Map<String, Object> kept = new LinkedHashMap<>();
    map.forEach(
        (key, value) ->
            kept.put((String) key, value instanceof Map<?, ?> m ? withoutNulls(m) : value));
    kept.values().removeIf(Objects::isNull);
    return kept;
  }

  /** Returns the place of the object, for error messages: the file and the keys that lead there. */
  public String source() {
    return source;
  }

  /** Returns the keys, in their order. */
  public Set<String> keys() {
    return values.keySet();
  }

  /** Returns true if there is such a key. */
  public boolean has(String key) {
    return values.containsKey(key);
  }

  /** Returns the keys that were never read, with their values. */
  public Map<String, Object> rest() {
    Map<String, Object> rest = new LinkedHashMap<>(values);
    rest.keySet().removeAll(asked);
    return rest;
  }

  /**
   * Returns the value under {@code key}.
   *
   * @throws SfumatoException if it is absent
   */
  public JsonValue get(String key) {
    if (!has(key)) {
      throw new SfumatoException(source + key + " is missing");
    }
    asked.add(key);
    return new JsonValue(source + key, values.get(key));
  }

  private <T> T get(String key, T fallback, Function<JsonValue, T> typed) {
    return has(key) ? typed.apply(get(key)) : fallback;
  }

  private <T> Optional<T> optional(String key, Optional<T> fallback, Function<JsonValue, T> typed) {
    return has(key)
        ? Optional.of(get(key)).filter(value -> value.value() != null).map(typed)
        : fallback;
  }

  /** Returns the object under {@code key}; an empty one if it is absent. */
  public JsonObject child(String key) {
    return new JsonObject(source + key + ".", get(key, Map.of(), JsonObject::map));
  }

  /** A whole number. */
  public int integer(String key, int fallback) {
    return get(key, fallback, JsonValue::integer);
  }

  /** A number. */
  public double number(String key, double fallback) {
    return get(key, fallback, JsonValue::number);
  }

  /** True or false. */
  public boolean flag(String key, boolean fallback) {
    return get(key, fallback, JsonValue::flag);
  }

  /** A text. */
  public String text(String key, String fallback) {
    return get(key, fallback, JsonValue::text);
  }

  /** A list of texts. */
  public List<String> texts(String key, List<String> fallback) {
    return get(key, fallback, JsonValue::texts);
  }

  /** A list of whole numbers. */
  public List<Integer> integers(String key, List<Integer> fallback) {
    return get(key, fallback, JsonValue::integers);
  }

  /** A whole number, or empty for null. */
  public Optional<Integer> optionalInteger(String key, Optional<Integer> fallback) {
    return optional(key, fallback, JsonValue::integer);
  }

  /** A text, or empty for null. */
  public Optional<String> optionalText(String key, Optional<String> fallback) {
    return optional(key, fallback, JsonValue::text);
  }

  /** A whole number, a list of them, or null or absent for none. */
  public List<Integer> integerOrList(String key) {
    return optional(key, Optional.empty(), JsonValue::integerOrList).orElse(List.of());
  }
}
