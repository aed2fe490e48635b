package dev.sfumato.checkpoint;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import java.util.regex.Pattern;

/** The kinds of tensor files that belong to text-to-image models, by the names in them. */
public enum FileKind {
  /** A whole model in the original layout. */
  MODEL("text-to-image model in one file", ""),
  /** A U-Net alone. */
  UNET("U-Net alone", "is a U-Net alone: a model also needs text encoders and an autoencoder"),
  /** An autoencoder alone. */
  AUTOENCODER(
      "autoencoder alone", "is an autoencoder alone: give it with a model (the option `vae`)"),
  /** A LoRA. */
  LORA("LoRA", "is a LoRA: give it with the model that it changes (the option `lora`)"),
  /** The vectors of new tokens. */
  TEXTUAL_INVERSION(
      "textual inversion",
      "is a textual inversion: give it with the model whose words it adds to (the option"
          + " `textualInversion`)"),
  /** A ControlNet. */
  CONTROL_NET("ControlNet", "is a ControlNet, which is not supported"),
  /** A whole model of another family. */
  OTHER_MODEL(
      "model of another family",
      "is a model of another family (such as Flux or Stable Diffusion 3), which is not supported"),
  /** Anything else. */
  UNKNOWN(
      "tensors",
      "is not a Stable Diffusion checkpoint: it has no weights named model.diffusion_model...");

  private static final Pattern LORA_NAME =
      Pattern.compile(
          ".*(\\.lora_|\\.lora\\.|_lora\\.|lora_linear_layer|hada_w|lokr_w|dora_scale|oft_).*");
  private static final List<String> OTHERS =
      List.of("double_blocks.", "joint_blocks.", "double_layers.", "single_transformer_blocks.");

  private final String title;
  private final String refusal;

  FileKind(String title, String refusal) {
    this.title = title;
    this.refusal = refusal;
  }

  /** Returns the name of the kind in words. */
  public String title() {
    return title;
  }

  /** Returns the reason why such a file cannot be drawn with. */
  String refusal() {
    return refusal;
  }

  /**
   * Returns the kind of a file. Of a {@code .safetensors} file only the header is read.
   *
   * @throws dev.sfumato.SfumatoException if the file cannot be read
   */
  public static FileKind of(Path path) {
    try (TensorFile file = TensorFile.open(path)) {
      return of(file.shapes());
    }
  }

  /** Returns the kind of a file with tensors of these names and shapes. */
  static FileKind of(Map<String, List<Long>> shapes) {
    Predicate<String> any = start -> shapes.keySet().stream().anyMatch(n -> n.startsWith(start));
    Predicate<String> part = text -> shapes.keySet().stream().anyMatch(n -> n.contains(text));
    if (shapes.keySet().stream().anyMatch(name -> LORA_NAME.matcher(name).matches())) {
      return LORA;
    }
    if (OTHERS.stream().anyMatch(part)) {
      return OTHER_MODEL;
    }
    if (any.test("control_model.") || any.test("controlnet_cond_embedding.")) {
      return CONTROL_NET;
    }
    boolean unet = any.test(SingleFile.UNET + "input_blocks.");
    boolean text = any.test("cond_stage_model.") || any.test("conditioner.embedders.");
    if (unet && text) {
      return MODEL;
    }
    if (unet || any.test("input_blocks.") || any.test("time_embedding.linear_1.")) {
      return UNET;
    }
    if (part.test("encoder.conv_in.") && part.test("decoder.conv_in.")) {
      return AUTOENCODER;
    }
    return isEmbedding(shapes) ? TEXTUAL_INVERSION : UNKNOWN;
  }

  /** Web interfaces name the vectors by any word; names of weights have dots. */
  private static boolean isWord(String name, List<Long> shape) {
    return !name.contains(".") && shape.size() == 2;
  }

  private static boolean isEmbedding(Map<String, List<Long>> shapes) {
    return !shapes.isEmpty()
        && shapes.size() <= 4
        && shapes.entrySet().stream()
            .allMatch(
                e ->
                    List.of("emb_params", "clip_l", "clip_g", "*").contains(e.getKey())
                        || e.getKey().matches("<.*>")
                        || isWord(e.getKey(), e.getValue()) && shapes.size() == 1
                        || e.getKey().startsWith("string_to_param"))
        && shapes.values().stream().allMatch(s -> s.size() == 1 || s.size() == 2);
  }
}
