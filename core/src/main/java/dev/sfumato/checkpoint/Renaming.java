package dev.sfumato.checkpoint;

import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.UnaryOperator;

/**
 * Two spellings of the names of a network's weights, diffusers' and the original one. The longest
 * known start of a name is replaced; the rest is the same in both.
 */
final class Renaming {
  private final Map<String, String> originals = new LinkedHashMap<>();
  private final Map<String, String> ours = new HashMap<>();

  /** Adds one start of names: whole words between dots. */
  Renaming with(String diffusers, String original) {
    originals.put(diffusers, original);
    ours.put(original, diffusers);
    return this;
  }

  /** Returns the original spelling of a name of diffusers. */
  String original(String name) {
    return replaced(name, originals);
  }

  /** Returns diffusers' spelling of an original name. */
  String diffusers(String name) {
    return replaced(name, ours);
  }

  private static String replaced(String name, Map<String, String> starts) {
    for (int end = name.length(); end > 0; end = name.lastIndexOf('.', end - 1)) {
      String start = starts.get(name.substring(0, end));
      if (start != null) {
        return start + name.substring(end);
      }
    }
    return name;
  }

  /** Returns {@code values} under the names that {@code spelling} gives them. */
  static <T> Map<String, T> apply(UnaryOperator<String> spelling, Map<String, T> values) {
    Map<String, T> renamed = new LinkedHashMap<>();
    values.forEach((name, value) -> renamed.put(spelling.apply(name), value));
    return renamed;
  }
}
