package dev.sfumato.checkpoint;

import dev.sfumato.nn.AdaptedWeight;
import dev.sfumato.tensor.Tensor;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * The tensors of one layer in a LoRA file, by their names in all common spellings.
 *
 * @param down the matrix (r, in), or null
 * @param up the matrix (out, r), or null
 * @param alpha the number alpha, or null
 */
record LoraMatrices(String down, String up, String alpha) {
  private static final Pattern HALF =
      Pattern.compile(
          "(.+?)(?:\\.lora_(down|up|A|B)(?:\\.\\w+)?|\\.lora\\.(down|up)"
              + "|\\.lora_linear_layer\\.(down|up)|_lora\\.(down|up))\\.weight");
  private static final String ALPHA = ".alpha";

  private static final LoraMatrices NONE = new LoraMatrices(null, null, null);

  /** Adds a tensor to its layer in {@code layers}; returns false if its name is of no LoRA. */
  static boolean collect(String name, Map<String, LoraMatrices> layers) {
    Matcher half = HALF.matcher(name);
    if (half.matches()) {
      LoraMatrices layer = layers.getOrDefault(half.group(1), NONE);
      layers.put(
          half.group(1),
          Stream.of("down", "A").anyMatch(text -> text.equals(role(half)))
              ? new LoraMatrices(name, layer.up, layer.alpha)
              : new LoraMatrices(layer.down, name, layer.alpha));
    } else if (name.endsWith(ALPHA)) {
      String key = name.substring(0, name.length() - ALPHA.length());
      LoraMatrices layer = layers.getOrDefault(key, NONE);
      layers.put(key, new LoraMatrices(layer.down, layer.up, name));
    } else {
      return false;
    }
    return true;
  }

  private static String role(Matcher half) {
    return Stream.of(2, 3, 4, 5).map(half::group).filter(g -> g != null).findFirst().orElseThrow();
  }

  Stream<String> names() {
    return Stream.of(down, up, alpha).filter(name -> name != null);
  }

  /** Returns whether both matrices are there and have the shapes that {@code weight} needs. */
  boolean fits(AdaptedWeight.Part weight, Map<String, Tensor> tensors) {
    if (down == null || up == null) {
      return false;
    }
    Tensor a = tensors.get(down);
    Tensor b = tensors.get(up);
    return (alpha == null || tensors.get(alpha).numel() == 1)
        && a.dim() >= 2
        && b.dim() >= 2
        && a.numel() > 0
        && b.numel() == b.size(0) * a.size(0)
        && b.size(0) == weight.out()
        && a.numel() / a.size(0) == weight.in();
  }
}
