package dev.sfumato.model;

import java.util.List;

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
