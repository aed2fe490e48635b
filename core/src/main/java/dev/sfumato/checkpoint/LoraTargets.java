package dev.sfumato.checkpoint;

import dev.sfumato.InvalidOptionException;
import dev.sfumato.clip.ClipTextModel;
import dev.sfumato.model.UNet2DConditionModel;
import dev.sfumato.nn.AdaptedWeight;
import dev.sfumato.tensor.Device;
import dev.sfumato.tensor.Tensor;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/** The layers of a model that a LoRA can change, by all spellings of their names. */
public final class LoraTargets {
  private final Map<String, Target> all = new TreeMap<>();
  private final Map<String, Target> bySpelling = new HashMap<>();
  private final int textWidth;
  private final List<String> textEncoders;

  /**
   * A layer.
   *
   * @param part the network
   * @param layer its name in diffusers or transformers, without the network
   * @param kohya its name in files of kohya's scripts
   * @param weight what an adapter changes
   */
  record Target(String part, String layer, String kohya, AdaptedWeight.Part weight) {
    /** Returns its name with the network. */
    String name() {
      return part + "." + layer;
    }

    /** Returns the side of the kernel of a convolution, else 0. */
    long kernel() {
      Tensor parameter = weight.weight().parameter();
      return parameter.dim() == 4 ? parameter.size(3) : 0;
    }

    Device device() {
      return weight.weight().parameter().device();
    }
  }

  /**
   * @param texts the text encoders by their suffix: empty or {@code _2}
   */
  public LoraTargets(UNet2DConditionModel unet, Map<String, ClipTextModel> texts) {
    textWidth = unet.config().crossAttentionDim().get(0);
    Renaming originals = OriginalNames.unet(unet.config());
    boolean xl = unet.config().additionEmbedType().isPresent();
    unet.adaptedWeights()
        .forEach(
            (name, weight) -> {
              String layer = name.substring(0, name.length() - ".weight".length());
              String original = originals.original(layer);
              // The scripts name the layers of XL as the original files do.
              String kohya = "lora_unet_" + flat(xl ? original : layer);
              Target target = new Target("unet", layer, kohya, weight.whole());
              add(target, layer, "unet." + layer, "diffusion_model." + original);
              add(target, "lora_unet_" + flat(layer), "lora_unet_" + flat(original));
            });
    textEncoders = texts.keySet().stream().sorted().map(suffix -> "text_encoder" + suffix).toList();
    texts.forEach((suffix, text) -> add(suffix, texts.size() > 1, text));
  }

  private void add(String suffix, boolean several, ClipTextModel text) {
    String part = "text_encoder" + suffix;
    text.transformersLayers()
        .forEach(
            (layer, weight) -> {
              String start = suffix.isEmpty() ? several ? "lora_te1_" : "lora_te_" : "lora_te2_";
              Target target = new Target(part, layer, start + flat(layer), weight);
              String plain = layer.replaceFirst("^text_model\\.", "");
              for (String name : List.of(layer, plain)) { // transformers 5 writes the plain ones
                add(target, part + "." + name, start + flat(name));
                if (!several) {
                  add(target, "lora_te1_" + flat(name));
                }
              }
            });
  }

  private void add(Target target, String... spellings) {
    all.put(target.name(), target);
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

  /**
   * Finds a layer by its name in a folder of PEFT, which does not name the network.
   *
   * @param encoder one of {@link #textEncoders}
   */
  Optional<Target> find(String spelling, String encoder) {
    return find(spelling).or(() -> find(encoder + "." + spelling.replace("base_model.model.", "")));
  }

  /** Returns the names of the text encoders: {@code text_encoder}, {@code text_encoder_2}. */
  List<String> textEncoders() {
    return textEncoders;
  }

  /** Returns the numbers of the text's states that the U-Net reads. */
  int textWidth() {
    return textWidth;
  }

  /** Returns the kind of model as kohya's scripts name it. */
  String version() {
    return textWidth >= 1280 ? "sdxl_base_v1-0" : textWidth == 1024 ? "sd_v2" : "sd_v1";
  }

  /**
   * Returns the layers of a new LoRA in the order of their names.
   *
   * @param texts whether it also changes the text encoders
   * @throws InvalidOptionException if a target means no layer, or all targets mean none of the text
   *     encoders that should learn
   */
  List<Target> chosen(LoraOptions options, boolean texts) {
    List<Target> possible =
        all.values().stream().filter(layer -> texts || layer.part().equals("unet")).toList();
    for (String target : options.targets()) {
      if (possible.stream().noneMatch(layer -> chooses(target, layer))) {
        throw new InvalidOptionException(
            "`loraTargets`: no layer is named '"
                + target
                + "': name attention, all, conv or a pattern such as *.attn2.to_k");
      }
    }
    List<Target> chosen =
        possible.stream()
            .filter(layer -> options.targets().stream().anyMatch(target -> chooses(target, layer)))
            .toList();
    if (texts && chosen.stream().allMatch(layer -> layer.part().equals("unet"))) {
      throw new InvalidOptionException(
          "`trainTextEncoder` has no effect: `loraTargets` names no layer of a text encoder: add"
              + " attention, all or a pattern such as q_proj");
    }
    return chosen;
  }

  private static boolean chooses(String target, Target layer) {
    return LoraOptions.chooses(target, layer.layer()) || LoraOptions.chooses(target, layer.name());
  }
}
