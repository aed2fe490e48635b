package dev.sfumato.checkpoint;

import dev.sfumato.clip.ClipTextModel;
import dev.sfumato.model.UNet2DConditionModel;
import dev.sfumato.nn.AdaptedWeight;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/** The layers of a model that a LoRA can change, by all spellings of their names. */
public final class LoraTargets {
  private final Map<String, Target> bySpelling = new HashMap<>();
  private final int textWidth;

  /**
   * A layer.
   *
   * @param part the network
   * @param layer its name in diffusers or transformers, without the network
   * @param weight what an adapter changes
   */
  record Target(String part, String layer, AdaptedWeight.Part weight) {}

  /**
   * @param texts the text encoders by their suffix: empty or {@code _2}
   */
  public LoraTargets(UNet2DConditionModel unet, Map<String, ClipTextModel> texts) {
    textWidth = unet.config().crossAttentionDim().get(0);
    Renaming originals = OriginalNames.unet(unet.config());
    unet.adaptedWeights()
        .forEach(
            (name, weight) -> {
              String layer = name.substring(0, name.length() - ".weight".length());
              Target target = new Target("unet", layer, weight.whole());
              String original = originals.original(layer);
              add(target, layer, "unet." + layer, "diffusion_model." + original);
              add(target, "lora_unet_" + flat(layer), "lora_unet_" + flat(original));
            });
    texts.forEach((suffix, text) -> add(suffix, texts.size() > 1, text));
  }

  private void add(String suffix, boolean several, ClipTextModel text) {
    String part = "text_encoder" + suffix;
    text.transformersLayers()
        .forEach(
            (layer, weight) -> {
              Target target = new Target(part, layer, weight);
              String start = suffix.isEmpty() ? several ? "lora_te1_" : "lora_te_" : "lora_te2_";
              String plain = layer.replaceFirst("^text_model\\.", "");
              add(target, part + "." + layer, part + "." + plain, start + flat(layer));
              if (!several) { // of a folder of PEFT, too, which does not name the network
                add(target, "lora_te1_" + flat(layer), layer, plain);
              }
            });
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
