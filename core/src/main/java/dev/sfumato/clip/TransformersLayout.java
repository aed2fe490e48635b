package dev.sfumato.clip;

import dev.sfumato.SfumatoException;
import dev.sfumato.clip.ClipConfig.TextPool;
import dev.sfumato.io.JsonObject;
import dev.sfumato.nn.Activation;
import dev.sfumato.nn.AdaptedWeight;
import dev.sfumato.tensor.Tensor;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;

/**
 * The layout of a CLIP model in Hugging Face's transformers: its configuration and the names of its
 * weights. Transformers splits one matrix of each attention into three and stores the projections
 * transposed.
 */
final class TransformersLayout {
  /** Parts of names there and their equivalents in {@link ClipNetwork}; none contains another. */
  private static final Map<String, String> NAMES = new LinkedHashMap<>();

  static {
    NAMES.put("vision_model.embeddings.class_embedding", "visual.class_embedding");
    NAMES.put("vision_model.embeddings.patch_embedding", "visual.conv1");
    NAMES.put("vision_model.embeddings.position_embedding.weight", "visual.positional_embedding");
    NAMES.put("vision_model.pre_layrnorm", "visual.ln_pre"); // spelled like this in the files
    NAMES.put("vision_model.encoder.layers", "visual.transformer.resblocks");
    NAMES.put("vision_model.post_layernorm", "visual.ln_post");
    NAMES.put("visual_projection.weight", "visual.proj");
    NAMES.put("text_model.embeddings.token_embedding", "token_embedding");
    NAMES.put("text_model.embeddings.position_embedding.weight", "positional_embedding");
    NAMES.put("text_model.encoder.layers", "transformer.resblocks");
    NAMES.put("text_model.final_layer_norm", "ln_final");
    NAMES.put("text_projection.weight", "text_projection");
    NAMES.put(".self_attn.out_proj.", ".attn.out_proj.");
    NAMES.put(".self_attn.q_proj.", ".attn.in_proj_");
    NAMES.put(".layer_norm1.", ".ln_1.");
    NAMES.put(".layer_norm2.", ".ln_2.");
    NAMES.put(".mlp.fc1.", ".mlp.c_fc.");
    NAMES.put(".mlp.fc2.", ".mlp.c_proj.");
  }

  private static final List<String> TRANSPOSED =
      List.of("visual_projection.weight", "text_projection.weight");
  private static final String IN_PROJECTION = ".attn.in_proj_";
  private static final String QUERY = ".self_attn.q_proj.";
  private static final List<String> KEY_AND_VALUE =
      List.of(".self_attn.k_proj.", ".self_attn.v_proj.");

  private static final String TEXT = "text_model.";

  private TransformersLayout() {}

  // ---- weights

  /**
   * Converts the weights to the names and shapes of {@link ClipNetwork}.
   *
   * @param source the file, for error messages
   */
  static Map<String, Tensor> weights(Map<String, Tensor> weights, String source) {
    Map<String, Tensor> named = new LinkedHashMap<>();
    weights.forEach(
        (name, weight) -> {
          if (name.contains(QUERY)) {
            named.put(rename(name), joined(weights, name, source));
          } else if (TRANSPOSED.contains(name) && weight.dim() == 2) {
            named.put(rename(name), weight.transpose(0, 1).contiguous());
          } else if (KEY_AND_VALUE.stream().noneMatch(name::contains)
              && !name.endsWith(".position_ids")) {
            named.put(rename(name), weight);
          }
        });
    return named;
  }

  /**
   * Converts the weights of a separate text encoder; transformers wrote them with the prefix {@code
   * text_model.} until version 5.5 and writes them without it since.
   */
  static Map<String, Tensor> textWeights(Map<String, Tensor> weights, String source) {
    Map<String, Tensor> prefixed = new LinkedHashMap<>();
    weights.forEach(
        (name, weight) ->
            prefixed.put(
                name.startsWith(TEXT) || name.startsWith("text_projection.") ? name : TEXT + name,
                weight));
    return weights(prefixed, source);
  }

  /** The opposite of {@link #weights}: a text encoder has the prefix, which all versions read. */
  static Map<String, Tensor> written(Map<String, Tensor> parameters) {
    Map<String, Tensor> written = new LinkedHashMap<>();
    parameters.forEach(
        (name, weight) -> {
          List<String> parts = writtenText(name);
          long rows = parts.size() == 1 ? 0 : weight.size(0) / parts.size();
          for (int i = 0; i < parts.size(); i++) {
            Tensor part = parts.size() == 1 ? weight : weight.narrow(0, i * rows, rows);
            written.put(
                parts.get(i),
                TRANSPOSED.contains(parts.get(i)) ? part.transpose(0, 1).contiguous() : part);
          }
        });
    return written;
  }

  /** Returns the matrices there that {@code weights} hold, without {@code .weight}. */
  static Map<String, AdaptedWeight.Part> textLayers(Map<String, AdaptedWeight> weights) {
    Map<String, AdaptedWeight.Part> layers = new LinkedHashMap<>();
    weights.forEach(
        (name, weight) -> {
          List<String> parts = writtenText(name);
          for (int i = 0; i < parts.size(); i++) {
            String part = parts.get(i);
            layers.put(
                part.substring(0, part.length() - ".weight".length()),
                new AdaptedWeight.Part(weight, i, parts.size(), TRANSPOSED.contains(part)));
          }
        });
    return layers;
  }

  /** Returns the names there of the parts of a parameter. */
  private static List<String> writtenText(String name) {
    return name.contains(IN_PROJECTION)
        ? Stream.of("q_proj", "k_proj", "v_proj")
            .map(part -> original(name.replace(IN_PROJECTION, ".self_attn." + part + ".")))
            .toList()
        : List.of(original(name));
  }

  private static String original(String name) {
    String original = name;
    for (Map.Entry<String, String> part : NAMES.entrySet()) {
      boolean whole = !part.getValue().startsWith(".");
      if (whole ? original.startsWith(part.getValue()) : original.contains(part.getValue())) {
        original = original.replace(part.getValue(), part.getKey());
      }
    }
    return original;
  }

  private static String rename(String name) {
    String renamed = name;
    for (Map.Entry<String, String> part : NAMES.entrySet()) {
      renamed = renamed.replace(part.getKey(), part.getValue());
    }
    return renamed;
  }

  private static Tensor joined(Map<String, Tensor> weights, String query, String source) {
    List<Tensor> parts = new ArrayList<>(List.of(weights.get(query)));
    for (String part : KEY_AND_VALUE) {
      String name = query.replace(QUERY, part);
      if (!weights.containsKey(name)) {
        throw new SfumatoException(source + ": has no tensor '" + name + "'");
      }
      parts.add(weights.get(name));
    }
    return Tensor.cat(parts, 0);
  }

  // ---- configuration

  /**
   * Reads {@code config.json}, with the defaults of transformers 5.
   *
   * @throws SfumatoException if it describes another kind of model
   */
  static ClipConfig config(JsonObject config) {
    String type = config.text("model_type", "clip");
    if (!type.equals("clip")) {
      throw new SfumatoException(
          config.source() + "model_type '" + type + "' is not a CLIP model: expected clip");
    }
    JsonObject vision = overridden(config, "vision_config");
    JsonObject text = overridden(config, "text_config");
    ClipConfig.Vit image =
        new ClipConfig.Vit(
            ClipConfig.side(vision, "image_size", 224),
            ClipConfig.side(vision, "patch_size", 32),
            transformer(vision, 768, 3072, 12),
            ClipConfig.ImagePool.CLASS_TOKEN,
            true,
            false);
    return new ClipConfig(config.integer("projection_dim", 512), image, text(text));
  }

  /**
   * Reads the {@code config.json} of a separate text encoder.
   *
   * @throws SfumatoException if it describes another kind of model
   */
  static ClipConfig.Text textConfig(JsonObject config) {
    String type = config.text("model_type", "clip_text_model");
    if (type.equals("clip")) {
      return text(overridden(config, "text_config"));
    }
    if (!type.equals("clip_text_model")) {
      throw new SfumatoException(
          config.source() + "model_type '" + type + "' is not a text encoder of CLIP");
    }
    return text(config);
  }

  /**
   * Returns the {@code config.json} of a separate text encoder.
   *
   * @param begin the token that begins a text
   * @param end the token that ends and pads it
   * @throws SfumatoException if transformers has no such text encoder
   */
  static Map<String, Object> writtenTextConfig(ClipConfig.Text config, int begin, int end) {
    boolean endIsPooled =
        switch (config.pool().rule()) {
          case LARGEST -> end == config.vocabSize() - 1;
          case END -> end == config.pool().endToken();
          case FIRST, LAST -> false;
        };
    if (!config.causal() || !endIsPooled) {
      throw new SfumatoException(
          "the text encoder is not causal or does not pool the end of a text: transformers'"
              + " CLIPTextModel does both");
    }
    ClipConfig.Transformer blocks = config.transformer();
    Map<String, Object> json = new TreeMap<>();
    json.put("architectures", List.of("CLIPTextModel"));
    json.put("model_type", "clip_text_model");
    json.put("hidden_size", blocks.width());
    json.put("intermediate_size", blocks.mlpWidth());
    json.put("num_hidden_layers", blocks.layers());
    json.put("num_attention_heads", blocks.heads());
    json.put("hidden_act", name(blocks.activation()));
    json.put("layer_norm_eps", blocks.normEpsilon());
    json.put("max_position_embeddings", config.contextLength());
    json.put("vocab_size", config.vocabSize());
    json.put("projection_dim", blocks.width());
    json.put("bos_token_id", begin);
    json.put("eos_token_id", end);
    json.put("pad_token_id", end);
    return json;
  }

  private static String name(Activation activation) {
    return activation == Activation.GELU_TANH
        ? "gelu_pytorch_tanh"
        : activation.name().toLowerCase(Locale.ROOT);
  }

  private static ClipConfig.Text text(JsonObject text) {
    int end = text.integer("eos_token_id", 49407);
    return new ClipConfig.Text(
        text.integer("max_position_embeddings", 77),
        text.integer("vocab_size", 49408),
        transformer(text, 512, 2048, 8),
        true,
        // Files from before 2023 say 2 for any end token.
        end == 2 ? TextPool.LARGEST : new TextPool(TextPool.Rule.END, end));
  }

  /** Returns the settings of a part; old files repeat it under another key, which wins. */
  private static JsonObject overridden(JsonObject config, String key) {
    return config.has(key + "_dict") ? config.child(key + "_dict") : config.child(key);
  }

  private static ClipConfig.Transformer transformer(
      JsonObject settings, int width, int mlpWidth, int heads) {
    return new ClipConfig.Transformer(
        settings.integer("hidden_size", width),
        settings.integer("num_hidden_layers", 12),
        settings.integer("num_attention_heads", heads),
        settings.integer("intermediate_size", mlpWidth),
        activation(settings),
        settings.number("layer_norm_eps", 1e-5));
  }

  private static Activation activation(JsonObject settings) {
    String name = settings.text("hidden_act", "quick_gelu");
    return switch (name) {
      case "quick_gelu" -> Activation.QUICK_GELU;
      case "gelu" -> Activation.GELU;
      case "gelu_new", "gelu_pytorch_tanh" -> Activation.GELU_TANH;
      case "relu" -> Activation.RELU;
      case "silu", "swish" -> Activation.SILU;
      default ->
          throw new SfumatoException(
              settings.source() + "hidden_act '" + name + "' is not supported");
    };
  }
}
