package dev.sfumato.model;

import dev.sfumato.io.JsonObject;
import java.util.List;
import java.util.function.Predicate;

/**
 * A value for each level of a U-Net, the finest first.
 *
 * @param values one for all levels, or one each
 * @param list whether the file has a list
 */
public record PerLevel<T>(List<T> values, boolean list) {
  /** Copies the list. */
  public PerLevel {
    values = List.copyOf(values);
  }

  /** A whole number for all levels, or a list of one each. */
  static PerLevel<Integer> integers(JsonObject json, String key, int fallback) {
    return read(json, key, fallback, Integer.class::isInstance, "a whole number or a list of them");
  }

  /** True or false for all levels, or a list of one each. */
  static PerLevel<Boolean> flags(JsonObject json, String key, boolean fallback) {
    return read(json, key, fallback, Boolean.class::isInstance, "true, false or a list of them");
  }

  @SuppressWarnings("unchecked")
  private static <T> PerLevel<T> read(
      JsonObject json, String key, T fallback, Predicate<Object> isOne, String wanted) {
    if (!json.has(key)) {
      return all(fallback);
    }
    return json.get(key)
        .as(
            wanted,
            value -> {
              List<?> values = value instanceof List<?> list ? list : List.of(value);
              return values.isEmpty() || !values.stream().allMatch(isOne)
                  ? null
                  : new PerLevel<>((List<T>) values, value instanceof List);
            });
  }

  /** One value for all levels. */
  public static <T> PerLevel<T> all(T value) {
    return new PerLevel<>(List.of(value), false);
  }

  /** The value of level {@code i}. */
  public T get(int i) {
    return list ? values.get(i) : values.get(0);
  }

  /** As the file has it. */
  Object toJson() {
    return list ? values : values.get(0);
  }
}
