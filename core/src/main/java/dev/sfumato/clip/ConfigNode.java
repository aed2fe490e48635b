package dev.sfumato.clip;

import static java.util.stream.Collectors.toCollection;

import com.fasterxml.jackson.databind.JsonNode;
import dev.sfumato.SfumatoException;
import dev.sfumato.io.JsonFile;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.StreamSupport;

/**
 * Typed values of a JSON object, with defaults; null is absent.
 *
 * @param source where the object stands, for error messages: the file, and the keys that lead there
 */
record ConfigNode(String source, JsonNode node) {
  /** The object that a file holds. */
  static ConfigNode read(Path file) {
    JsonNode root = JsonFile.read(file, JsonNode.class);
    if (!root.isObject()) {
      throw new SfumatoException(file + ": holds no JSON object");
    }
    return new ConfigNode(file + ": ", root);
  }

  /** The object under {@code key}; an empty one if it is absent. */
  ConfigNode child(String key) {
    JsonNode child = node.path(key);
    if (has(key) && !child.isObject()) {
      throw wrong(key, "an object");
    }
    return new ConfigNode(source + key + ".", child);
  }

  boolean has(String key) {
    return node.hasNonNull(key);
  }

  /** Its keys. */
  Set<String> keys() {
    return node.propertyStream().map(Map.Entry::getKey).collect(toCollection(LinkedHashSet::new));
  }

  int integer(String key, int fallback) {
    return has(key) ? integer(key, node.get(key)) : fallback;
  }

  int integer(String key) {
    if (!has(key)) {
      throw new SfumatoException(source + key + " is missing");
    }
    return integer(key, node.get(key));
  }

  double number(String key, double fallback) {
    if (has(key) && !node.get(key).isNumber()) {
      throw wrong(key, "a number");
    }
    return node.path(key).asDouble(fallback);
  }

  boolean flag(String key, boolean fallback) {
    if (has(key) && !node.get(key).isBoolean()) {
      throw wrong(key, "true or false");
    }
    return node.path(key).asBoolean(fallback);
  }

  String text(String key, String fallback) {
    if (has(key) && !node.get(key).isTextual()) {
      throw wrong(key, "a text");
    }
    return has(key) ? node.get(key).asText() : fallback;
  }

  /** A list of whole numbers, or nothing if there is a single value or none. */
  Optional<List<Integer>> integers(String key) {
    JsonNode list = node.path(key);
    return list.isArray() ? Optional.of(elements(list, key)) : Optional.empty();
  }

  private List<Integer> elements(JsonNode list, String key) {
    return StreamSupport.stream(list.spliterator(), false).map(n -> integer(key, n)).toList();
  }

  /** The side of a square: one number, or a list of two that are equal. */
  int side(String key, int fallback) {
    List<Integer> sides = integers(key).orElseGet(() -> List.of(integer(key, fallback)));
    if (sides.isEmpty() || sides.stream().distinct().count() > 1) {
      throw wrong(key, "one number, or two that are equal");
    }
    return sides.get(0);
  }

  /** A value for each of red, green and blue: three numbers, or one for all. */
  List<Float> colors(String key, List<Float> fallback) {
    if (!has(key)) {
      return fallback;
    }
    JsonNode value = node.get(key);
    List<JsonNode> colors = new ArrayList<>();
    value.forEach(colors::add);
    if (!value.isArray()) {
      colors = List.of(value, value, value);
    }
    if (colors.size() != 3 || !colors.stream().allMatch(JsonNode::isNumber)) {
      throw wrong(key, "three numbers");
    }
    return colors.stream().map(JsonNode::floatValue).toList();
  }

  private int integer(String key, JsonNode value) {
    if (!value.isNumber() || value.asDouble() != value.asInt()) {
      throw wrong(key, "a whole number");
    }
    return value.asInt();
  }

  private SfumatoException wrong(String key, String wanted) {
    return new SfumatoException(source + key + " must be " + wanted + ", not " + node.get(key));
  }
}
