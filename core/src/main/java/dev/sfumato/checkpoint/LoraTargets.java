package dev.sfumato.checkpoint;

import dev.sfumato.clip.ClipTextModel;
import dev.sfumato.model.UNet2DConditionModel;
import dev.sfumato.tensor.Tensor;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/** The weights of a model that a LoRA can change, by all spellings of their layers' names. */
public final class LoraTargets {
  private final Map<String, Target> bySpelling = new HashMap<>();
  private final int textWidth;

  /**
   * A weight of a layer.
   *
   * @param layer its name in diffusers or transformers, without the part
   * @param weight (out, in) or (out, in, k, k), which shares its elements with the network
   */
  record Target(String part, String layer, Tensor weight) {}

  /**
   * @param texts the text encoders by their suffix: empty or {@code _2}
   */
  public LoraTargets(UNet2DConditionModel unet, Map<String, ClipTextModel> texts) {
    textWidth = unet.config().crossAttentionDim().get(0);
    Renaming originals = OriginalNames.unet(unet.config());
    layers(unet.parameters())
        .forEach(
            (layer, weight) -> {
              Target target = new Target("unet", layer, weight);
              String original = originals.original(layer);
              add(target, layer, "unet." + layer, "diffusion_model." + original);
              add(target, "lora_unet_" + flat(layer), "lora_unet_" + flat(original));
            });
    texts.forEach((suffix, text) -> add(suffix, texts.size() > 1, text));
  }

  private void add(String suffix, boolean several, ClipTextModel text) {
    String part = "text_encoder" + suffix;
    Map<String, Tensor> weights = new LinkedHashMap<>(text.transformersWeights());
    // A view, since transformers' form is a copy.
    weights.computeIfPresent(
        "text_projection.weight",
        (name, copy) -> text.parameters().get("text_projection").transpose(0, 1));
    layers(weights)
        .forEach(
            (layer, weight) -> {
              Target target = new Target(part, layer, weight);
              String start = suffix.isEmpty() ? several ? "lora_te1_" : "lora_te_" : "lora_te2_";
              add(target, part + "." + layer, start + flat(layer));
              if (layer.startsWith("text_model.")) {
                add(target, part + "." + layer.substring("text_model.".length()));
              }
              if (!several) {
                add(target, "lora_te1_" + flat(layer));
              }
            });
  }

  private static Map<String, Tensor> layers(Map<String, Tensor> weights) {
    Map<String, Tensor> layers = new LinkedHashMap<>();
    weights.forEach(
        (name, weight) -> {
          if (name.endsWith(".weight") && (weight.dim() == 2 || weight.dim() == 4)) {
            layers.put(name.substring(0, name.length() - ".weight".length()), weight);
          }
        });
    return layers;
  }

  private void add(Target target, String... spellings) {
    for (String spelling : spellings) {
      bySpelling.put(spelling, target);
    }
  }

  private static String flat(String layer) {
    return layer.replace('.', '_');
  }

  /** Finds a layer by any spelling of its name, old ones of attention included. */
  Optional<Target> find(String spelling) {
    String plain = spelling.replace("base_model.model.", "").replace(".processor.", ".");
    String text =
        plain
            .replaceFirst("\\.self_attn\\.to_([qkv])$", ".self_attn.$1_proj")
            .replaceFirst("\\.self_attn\\.to_out$", ".self_attn.out_proj");
    return Optional.ofNullable(bySpelling.get(text))
        .or(() -> Optional.ofNullable(bySpelling.get(plain + ".0")));
  }

  /** Returns the numbers of the text's states that the U-Net reads. */
  int textWidth() {
    return textWidth;
  }
}
