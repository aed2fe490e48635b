package dev.sfumato.clip;

import dev.sfumato.SfumatoException;
import dev.sfumato.clip.ClipConfig.ImagePool;
import dev.sfumato.clip.ClipConfig.TextPool;
import dev.sfumato.io.JsonObject;
import dev.sfumato.nn.Activation;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/** {@code model_cfg} of open_clip, with the defaults of open_clip 3.3. */
final class OpenClipConfig {
  private static final Set<String> MODEL =
      Set.of(
          "embed_dim",
          "vision_cfg",
          "text_cfg",
          "quick_gelu",
          "custom_text",
          "init_logit_scale",
          "init_logit_bias",
          "nonscalar_logit_scale");
  private static final Set<String> VISION =
      Set.of(
          "layers",
          "width",
          "head_width",
          "mlp_ratio",
          "patch_size",
          "image_size",
          "patch_dropout", // in training only
          "attn_pooler_queries",
          "attn_pooler_heads",
          "no_ln_pre",
          "pos_embed_type", // what it makes is stored among the weights
          "final_ln_after_pool",
          "pool_type",
          "output_tokens",
          "act_kwargs",
          "norm_kwargs",
          "timm_pool",
          "timm_proj",
          "timm_drop");
  private static final Set<String> TEXT =
      Set.of(
          "context_length",
          "vocab_size",
          "hf_tokenizer_name",
          "tokenizer_kwargs",
          "width",
          "heads",
          "layers",
          "mlp_ratio",
          "pad_id",
          "eos_id",
          "no_causal_mask",
          "final_ln_after_pool", // which open_clip does not heed
          "pool_type",
          "proj_type",
          "output_tokens",
          "act_kwargs",
          "norm_kwargs",
          "hf_model_pretrained",
          "hf_proj_type",
          "hf_pooler_type");

  private OpenClipConfig() {}

  /**
   * Reads {@code model_cfg}.
   *
   * @throws SfumatoException naming the option that asks for more than a plain CLIP model
   */
  static ClipConfig read(JsonObject model) {
    JsonObject vision = model.child("vision_cfg");
    JsonObject text = model.child("text_cfg");
    requirePlain(model, MODEL);
    requirePlain(vision, VISION);
    requirePlain(text, TEXT);
    boolean quick = model.flag("quick_gelu", false);
    return new ClipConfig(
        model.get("embed_dim").integer(), image(vision, quick), text(text, quick));
  }

  /** Refuses what is switched on and not known here. */
  private static void requirePlain(JsonObject settings, Set<String> known) {
    for (String key : settings.keys()) {
      boolean off =
          Boolean.FALSE.equals(settings.get(key).value())
              || key.equals("block_type") && settings.text(key, "").equals("default");
      if (!known.contains(key) && !off) {
        throw unsupported(settings, key);
      }
    }
  }

  private static SfumatoException unsupported(JsonObject settings, String key) {
    return new SfumatoException(
        String.format(
            Locale.ROOT,
            "%s%s: %s is not supported: only plain CLIP models are",
            settings.source(),
            key,
            settings.get(key).value()));
  }

  private static ClipConfig.Image image(JsonObject vision, boolean quick) {
    int width = vision.integer("width", 768);
    int headWidth = vision.integer("head_width", 64);
    int size = ClipConfig.side(vision, "image_size", 224);
    if (vision.has("layers") && vision.get("layers").value() instanceof List) {
      List<Integer> stages = vision.get("layers").integers();
      return new ClipConfig.ResNet(size, stages, width, width * 32 / headWidth);
    }
    ImagePool pool =
        switch (vision.text("pool_type", "tok")) {
          case "tok" -> ImagePool.CLASS_TOKEN;
          case "avg" -> ImagePool.MEAN;
          default -> throw unsupported(vision, "pool_type");
        };
    return new ClipConfig.Vit(
        size,
        ClipConfig.side(vision, "patch_size", 16),
        transformer(vision, width, width / headWidth, quick),
        pool,
        !vision.flag("no_ln_pre", false),
        vision.flag("final_ln_after_pool", false));
  }

  private static ClipConfig.Text text(JsonObject text, boolean quick) {
    if (!text.text("proj_type", "linear").equals("linear")) {
      throw unsupported(text, "proj_type");
    }
    int width = text.integer("width", 512);
    TextPool pool =
        switch (text.text("pool_type", "argmax")) {
          case "argmax" -> TextPool.LARGEST;
          case "eos" -> new TextPool(TextPool.Rule.END, text.integer("eos_id", 2));
          case "first" -> new TextPool(TextPool.Rule.FIRST, -1);
          case "last" -> new TextPool(TextPool.Rule.LAST, -1);
          default -> throw unsupported(text, "pool_type");
        };
    return new ClipConfig.Text(
        text.integer("context_length", 77),
        text.integer("vocab_size", 49408),
        transformer(text, width, text.integer("heads", 8), quick),
        !text.flag("no_causal_mask", false),
        pool);
  }

  private static ClipConfig.Transformer transformer(
      JsonObject settings, int width, int heads, boolean quick) {
    boolean tanh =
        switch (settings.child("act_kwargs").text("approximate", "none")) {
          case "none" -> false;
          case "tanh" -> true;
          default -> throw unsupported(settings, "act_kwargs");
        };
    return new ClipConfig.Transformer(
        width,
        settings.integer("layers", 12),
        heads,
        (int) (width * settings.number("mlp_ratio", 4)),
        quick ? Activation.QUICK_GELU : tanh ? Activation.GELU_TANH : Activation.GELU,
        settings.child("norm_kwargs").number("eps", 1e-5));
  }

  /**
   * What {@link #read} reads.
   *
   * @throws SfumatoException if open_clip has no words for {@code config}
   */
  static Map<String, Object> write(ClipConfig config) {
    return write(config, text(config.text()));
  }

  /** The same for a model whose directory has its tokenizer: any name says that it is there. */
  static Map<String, Object> writeOwnTokenizer(ClipConfig config) {
    Map<String, Object> text = text(config.text());
    text.put("hf_tokenizer_name", "clip");
    return write(config, text);
  }

  private static Map<String, Object> write(ClipConfig config, Map<String, Object> text) {
    Map<String, Object> model = new LinkedHashMap<>();
    boolean quick = config.text().transformer().activation() == Activation.QUICK_GELU;
    model.put("embed_dim", config.embedDim());
    model.put("quick_gelu", quick);
    model.put("vision_cfg", vision(config.image()));
    model.put("text_cfg", text);
    return model;
  }

  private static Map<String, Object> vision(ClipConfig.Image image) {
    Map<String, Object> vision = new LinkedHashMap<>();
    vision.put("image_size", image.imageSize());
    if (image instanceof ClipConfig.Vit vit) {
      vision.put("patch_size", vit.patchSize());
      vision.put("head_width", vit.transformer().width() / vit.transformer().heads());
      vision.put("pool_type", vit.pool() == ImagePool.MEAN ? "avg" : "tok");
      vision.put("no_ln_pre", !vit.normBefore());
      vision.put("final_ln_after_pool", vit.normAfterPool());
      put(vision, vit.transformer());
    } else if (image instanceof ClipConfig.ResNet resNet) {
      vision.put("layers", resNet.layers());
      vision.put("width", resNet.width());
      vision.put("head_width", resNet.width() * 32 / resNet.heads());
    }
    return vision;
  }

  private static Map<String, Object> text(ClipConfig.Text config) {
    Map<String, Object> text = new LinkedHashMap<>();
    text.put("context_length", config.contextLength());
    text.put("vocab_size", config.vocabSize());
    text.put("heads", config.transformer().heads());
    text.put("no_causal_mask", !config.causal());
    text.put(
        "pool_type",
        switch (config.pool().rule()) {
          case LARGEST -> "argmax";
          case END -> "eos";
          case FIRST -> "first";
          case LAST -> "last";
        });
    if (config.pool().rule() == TextPool.Rule.END) {
      text.put("eos_id", config.pool().endToken());
    }
    put(text, config.transformer());
    return text;
  }

  private static void put(Map<String, Object> settings, ClipConfig.Transformer transformer) {
    settings.put("width", transformer.width());
    settings.put("layers", transformer.layers());
    settings.put("mlp_ratio", (double) transformer.mlpWidth() / transformer.width());
    settings.put("norm_kwargs", Map.of("eps", transformer.normEpsilon()));
    if (transformer.activation() == Activation.GELU_TANH) {
      settings.put("act_kwargs", Map.of("approximate", "tanh"));
    }
  }
}
