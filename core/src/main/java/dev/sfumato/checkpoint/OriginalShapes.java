package dev.sfumato.checkpoint;

import dev.sfumato.Printable;
import dev.sfumato.SfumatoException;
import dev.sfumato.scheduler.PredictionType;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Derives configurations, which a single file lacks, from the shapes of its weights. What shapes do
 * not tell, such as the number of heads, is that of the published model of the family.
 */
final class OriginalShapes {
  private static final int HEAD_WIDTH = 64;
  private static final int HEADS_OF_ONE = 8;

  private final Map<String, List<Long>> shapes;
  private final String source;

  /**
   * @param shapes the shape of each weight of one part, by its original name
   * @param source the file, for error messages
   */
  OriginalShapes(Map<String, List<Long>> shapes, String source) {
    this.shapes = shapes;
    this.source = source;
  }

  boolean has(String name) {
    return shapes.containsKey(name);
  }

  int size(String name, int dimension) {
    List<Long> shape = shapes.get(name);
    if (shape == null || shape.size() <= dimension) {
      throw new SfumatoException(
          source + ": has no weight '" + name + "' of a fitting shape: it is incomplete");
    }
    return (int) (long) shape.get(dimension);
  }

  /**
   * Returns one more than the largest number in the group of matching names; 0 if none match.
   * Blocks are numbered without gaps, so there are fewer of them than weights.
   */
  private int count(String names) {
    Pattern pattern = Pattern.compile(names);
    return shapes.keySet().stream()
        .map(pattern::matcher)
        .filter(Matcher::matches)
        .mapToInt(matcher -> number(matcher.group(1)) + 1)
        .max()
        .orElse(0);
  }

  private int number(String digits) {
    int number = digits.length() > 6 ? Integer.MAX_VALUE : Integer.parseInt(digits);
    if (number >= shapes.size()) {
      throw new SfumatoException(
          source + ": has a block " + Printable.shortened(digits) + ", but not all before it");
    }
    return number;
  }

  /** Returns the blocks of a text encoder of open_clip. */
  int openClipLayers() {
    return count("transformer\\.resblocks\\.(\\d+)\\..*");
  }

  // ---- the U-Net

  /** Returns the numbers of the text's states that a U-Net reads; 0 if it reads no text. */
  int textWidth() {
    return shapes.keySet().stream()
        .filter(name -> name.endsWith(".transformer_blocks.0.attn2.to_k.weight"))
        .findFirst()
        .map(name -> size(name, 1))
        .orElse(0);
  }

  /** Returns true if a U-Net's transformers have matrices where Stable Diffusion 1 has kernels. */
  boolean projectsLinearly() {
    return shapes.keySet().stream()
        .filter(name -> name.endsWith(".proj_in.weight"))
        .anyMatch(name -> shapes.get(name).size() == 2);
  }

  /** A level of the way down: its channels, and the blocks of the transformer of each layer. */
  private record Level(int channels, List<Integer> depths) {}

  private List<Level> levels() {
    List<Level> levels = new ArrayList<>();
    int blocks = count("input_blocks\\.(\\d+)\\..*");
    List<Integer> depths = new ArrayList<>();
    int channels = 0;
    for (int i = 1; i <= blocks; i++) {
      String block = "input_blocks." + i;
      if (i == blocks || has(block + ".0.op.weight")) {
        levels.add(new Level(channels, List.copyOf(depths)));
        depths.clear();
      } else {
        channels = size(block + ".0.in_layers.2.weight", 0);
        depths.add(depth(block + ".1"));
      }
    }
    return levels;
  }

  /** Returns the transformers' blocks on the way up, the coarsest level first. */
  private List<List<Integer>> depthsUp(List<Level> levels) {
    List<List<Integer>> up = new ArrayList<>();
    int block = 0;
    for (int i = levels.size() - 1; i >= 0; i--) {
      List<Integer> depths = new ArrayList<>();
      for (int j = 0; j <= levels.get(i).depths.size(); j++) {
        depths.add(depth("output_blocks." + block++ + ".1"));
      }
      up.add(depths);
    }
    return up;
  }

  /** Returns the number of blocks of a transformer; 0 if there is none. */
  private int depth(String transformer) {
    return count(Pattern.quote(transformer + ".transformer_blocks.") + "(\\d+)\\..*");
  }

  /**
   * Returns the keys of {@code unet/config.json}.
   *
   * @param pooled numbers of the pooled text; 0 if unknown
   */
  Map<String, Object> unet(OriginalKind kind, PredictionType prediction, int pooled) {
    List<Level> levels = levels();
    Map<String, Object> config = new LinkedHashMap<>();
    config.put("_class_name", "UNet2DConditionModel");
    config.put("sample_size", kind.sampleSize(prediction));
    config.put("in_channels", size("input_blocks.0.0.weight", 1));
    config.put("out_channels", size("out.2.weight", 0));
    config.put("block_out_channels", levels.stream().map(Level::channels).toList());
    config.put("layers_per_block", same(levels.stream().map(l -> l.depths.size()).toList()));
    config.putAll(transformers(levels));
    config.put("cross_attention_dim", textWidth());
    config.put("use_linear_projection", projectsLinearly());
    config.put(
        "attention_head_dim",
        kind == OriginalKind.ONE
            ? HEADS_OF_ONE
            : levels.stream().map(l -> Math.max(1, l.channels / HEAD_WIDTH)).toList());
    if (has("time_embed.cond_proj.weight")) {
      config.put("time_cond_proj_dim", size("time_embed.cond_proj.weight", 1));
    }
    if (kind.isXl()) {
      int input = size("label_emb.0.0.weight", 1);
      int numbers = kind == OriginalKind.XL ? 6 : 5;
      config.put("addition_embed_type", "text_time");
      config.put("addition_time_embed_dim", pooled == 0 ? 256 : (input - pooled) / numbers);
      config.put("projection_class_embeddings_input_dim", input);
    } else if (has("label_emb.0.0.weight") || has("label_emb.weight")) {
      throw new SfumatoException(
          source + ": its U-Net reads more than a text (label_emb): such models are not supported");
    }
    return config;
  }

  /** Returns the kinds of blocks, and how many blocks each of their transformers has. */
  private Map<String, Object> transformers(List<Level> levels) {
    List<List<Integer>> down = levels.stream().map(Level::depths).toList();
    List<List<Integer>> up = depthsUp(levels);
    int middle = depth("middle_block.1");
    List<Object> depths = new ArrayList<>(down.stream().map(d -> ofLevel(d, 1)).toList());
    if (!down.isEmpty()) {
      int last = down.size() - 1;
      depths.set(last, ofLevel(down.get(last), Math.max(1, middle)));
    }
    List<Object> reversed = new ArrayList<>(depths);
    Collections.reverse(reversed);
    List<Object> depthsUp = new ArrayList<>();
    for (int i = 0; i < up.size(); i++) {
      depthsUp.add(reads(up.get(i)) ? ofLevel(up.get(i), 1) : reversed.get(i));
    }
    Map<String, Object> config = new LinkedHashMap<>();
    config.put(
        "down_block_types",
        down.stream().map(d -> reads(d) ? "CrossAttnDownBlock2D" : "DownBlock2D").toList());
    config.put(
        "mid_block_type",
        middle > 0
            ? "UNetMidBlock2DCrossAttn"
            : has("middle_block.0.in_layers.2.weight") ? "UNetMidBlock2D" : null);
    config.put(
        "up_block_types",
        up.stream().map(d -> reads(d) ? "CrossAttnUpBlock2D" : "UpBlock2D").toList());
    config.put("transformer_layers_per_block", same(depths));
    if (!depthsUp.equals(reversed)) {
      config.put("reverse_transformer_layers_per_block", depthsUp);
    }
    return config;
  }

  /** Returns true if a layer of a level reads the text. */
  private static boolean reads(List<Integer> depths) {
    return depths.stream().anyMatch(depth -> depth > 0);
  }

  /** Returns one number for all layers of a level if they have the same; without any, another. */
  private static Object ofLevel(List<Integer> depths, int none) {
    return reads(depths) ? same(depths) : (Object) none;
  }

  /** Returns one number for all if they have the same. */
  private static Object same(List<?> numbers) {
    return numbers.stream().distinct().count() == 1 ? numbers.get(0) : numbers;
  }

  // ---- the autoencoder

  /** Returns all keys of {@code vae/config.json}. */
  Map<String, Object> autoencoder(OriginalKind kind, int latentSize) {
    Map<String, Object> config = new LinkedHashMap<>(autoencoder());
    int levels = ((List<?>) config.get("block_out_channels")).size();
    config.put("sample_size", latentSize << Math.max(0, levels - 1));
    config.putAll(kind.factors());
    return config;
  }

  /** Returns those keys of {@code vae/config.json} that shapes tell. */
  Map<String, Object> autoencoder() {
    int levels = count("encoder\\.down\\.(\\d+)\\..*");
    List<Integer> channels = new ArrayList<>();
    for (int i = 0; i < levels; i++) {
      channels.add(size("encoder.down." + i + ".block.0.conv1.weight", 0));
    }
    Map<String, Object> config = new LinkedHashMap<>();
    config.put("_class_name", "AutoencoderKL");
    config.put("in_channels", size("encoder.conv_in.weight", 1));
    config.put("out_channels", size("decoder.conv_out.weight", 0));
    config.put("latent_channels", size("decoder.conv_in.weight", 1));
    config.put("block_out_channels", channels);
    config.put("down_block_types", Collections.nCopies(levels, "DownEncoderBlock2D"));
    config.put("up_block_types", Collections.nCopies(levels, "UpDecoderBlock2D"));
    config.put("layers_per_block", count("encoder\\.down\\.0\\.block\\.(\\d+)\\..*"));
    config.put("use_quant_conv", has("quant_conv.weight"));
    config.put("use_post_quant_conv", has("post_quant_conv.weight"));
    config.put("mid_block_add_attention", has("encoder.mid.attn_1.q.weight"));
    return config;
  }

  // ---- text encoders

  /** Returns the keys of the {@code config.json} of a text encoder in transformers' names. */
  Map<String, Object> textEncoder(boolean openClip) {
    String start = has("embeddings.token_embedding.weight") ? "" : "text_model.";
    int tokens = size(start + "embeddings.token_embedding.weight", 0);
    int width = size(start + "embeddings.token_embedding.weight", 1);
    boolean projects = has("text_projection.weight");
    Map<String, Object> config = new LinkedHashMap<>();
    config.put(
        "architectures", List.of(projects ? "CLIPTextModelWithProjection" : "CLIPTextModel"));
    config.put("model_type", "clip_text_model");
    config.put("vocab_size", tokens);
    config.put("hidden_size", width);
    config.put("intermediate_size", size(start + "encoder.layers.0.mlp.fc1.weight", 0));
    config.put("num_hidden_layers", count("(?:text_model\\.)?encoder\\.layers\\.(\\d+)\\..*"));
    config.put("num_attention_heads", Math.max(1, width / HEAD_WIDTH));
    config.put("max_position_embeddings", size(start + "embeddings.position_embedding.weight", 0));
    config.put("hidden_act", openClip ? "gelu" : "quick_gelu");
    config.put("layer_norm_eps", 1e-5);
    config.put("projection_dim", projects ? size("text_projection.weight", 0) : width);
    config.put("bos_token_id", tokens - 2);
    config.put("eos_token_id", 2); // as in the published files: the largest token ends a text
    config.put("pad_token_id", openClip ? 0 : tokens - 1);
    return config;
  }
}
