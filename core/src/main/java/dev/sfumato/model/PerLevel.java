package dev.sfumato.model;

import dev.sfumato.io.JsonObject;
import dev.sfumato.io.JsonValue;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Predicate;

/**
 * A value for each level of a U-Net, the finest first, or for each layer of a level.
 *
 * @param values one value for all levels, or one for each
 * @param list whether the file has a list
 */
public record PerLevel<T>(List<T> values, boolean list) {
  /** Copies the list. */
  public PerLevel {
    values = List.copyOf(values);
  }

  /** Reads a whole number for all levels, or a list with one for each. */
  static PerLevel<Integer> integers(JsonObject json, String key, int fallback) {
    return json.has(key) ? integers(json.get(key)) : all(fallback);
  }

  private static PerLevel<Integer> integers(JsonValue value) {
    return read(value, Integer.class::isInstance, "a whole number or a list of them");
  }

  /**
   * Reads a whole number for all levels, or a list with one for each, or with a list that has one
   * for each layer of the level; empty if it is absent or null.
   */
  static Optional<PerLevel<PerLevel<Integer>>> integersOrLists(JsonObject json, String key) {
    if (!json.has(key) || json.get(key).value() == null) {
      return Optional.empty();
    }
    JsonValue all = json.get(key);
    return Optional.of(
        all.value() instanceof List<?> levels && !levels.isEmpty()
            ? new PerLevel<>(
                levels.stream().map(level -> integers(new JsonValue(all.name(), level))).toList(),
                true)
            : all(integers(all)));
  }

  /** Reads true or false for all levels, or a list with one for each. */
  static PerLevel<Boolean> flags(JsonObject json, String key, boolean fallback) {
    return json.has(key)
        ? read(json.get(key), Boolean.class::isInstance, "true, false or a list of them")
        : all(fallback);
  }

  @SuppressWarnings("unchecked")
  private static <T> PerLevel<T> read(JsonValue json, Predicate<Object> isOne, String wanted) {
    return json.as(
        wanted,
        value -> {
          List<?> values = value instanceof List<?> list ? list : List.of(value);
          return values.isEmpty() || !values.stream().allMatch(isOne)
              ? null
              : new PerLevel<>((List<T>) values, value instanceof List);
        });
  }

  /** Returns one value for all levels. */
  public static <T> PerLevel<T> all(T value) {
    return new PerLevel<>(List.of(value), false);
  }

  /** Returns the value of level {@code i}. */
  public T get(int i) {
    return list ? values.get(i) : values.get(0);
  }

  /** Returns the value as the file spells it. */
  Object toJson() {
    List<Object> json = new ArrayList<>();
    values.forEach(value -> json.add(value instanceof PerLevel<?> inner ? inner.toJson() : value));
    return list ? json : json.get(0);
  }
}
