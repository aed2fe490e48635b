package dev.sfumato.model;

import dev.sfumato.SfumatoException;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/** The rules for a {@link UNet2DConditionConfig}; every message names the key. */
final class UNet2DConditionRules {
  private static final List<String> DOWN =
      List.of("CrossAttnDownBlock2D", "DownBlock2D", "ResnetDownsampleBlock2D");
  private static final List<String> UP =
      List.of("CrossAttnUpBlock2D", "UpBlock2D", "ResnetUpsampleBlock2D");

  /** Keys of unsupported features, with the values that switch them off. */
  private static final Map<String, List<Object>> NOT_BUILT =
      Map.of(
          "num_attention_heads", nothing(),
          "dual_cross_attention", nothing(false),
          "attention_type", nothing("default"),
          "cross_attention_norm", nothing());

  private UNet2DConditionRules() {}

  private static List<Object> nothing(Object... values) {
    return Arrays.asList(values);
  }

  static void check(UNet2DConditionConfig config) {
    Object name = config.other().getOrDefault("_class_name", "UNet2DConditionModel");
    require(
        "UNet2DConditionModel".equals(name),
        "_class_name is " + name + ": only UNet2DConditionModel reads a text");
    NOT_BUILT.forEach(
        (key, values) -> {
          Object value = config.other().get(key);
          require(value == null || values.contains(value), key + " " + value + " is not supported");
        });
    checkLevels(config);
    checkNumbers(config);
    checkEmbeddings(config);
    oneOf(
        "mid_block_type",
        config.midBlockType(),
        List.of("UNetMidBlock2DCrossAttn", "UNetMidBlock2D"));
    oneOf(
        "resnet_time_scale_shift",
        Optional.of(config.resnetTimeScaleShift()),
        List.of("default", "scale_shift"));
    oneOf(
        "time_embedding_type",
        Optional.of(config.timeEmbeddingType()),
        List.of("positional", "fourier"));
    require(
        config.timeEmbeddingType().equals("positional") || config.timeChannels() % 2 == 0,
        "time_embedding_dim must be even with fourier, not " + config.timeChannels());
    config.activation();
    config.timeEmbeddingActFn().ifPresent(UNet2DConditionConfig::activation);
    config.timestepPostAct().ifPresent(UNet2DConditionConfig::activation);
  }

  private static void checkLevels(UNet2DConditionConfig config) {
    int levels = config.levels();
    require(levels > 0, "block_out_channels is empty: name the channels of each level");
    require(levels <= 16, "block_out_channels has " + levels + " levels: at most 16 are possible");
    sameLength("down_block_types", config.downBlockTypes().size(), levels);
    sameLength("up_block_types", config.upBlockTypes().size(), levels);
    config.downBlockTypes().forEach(type -> oneOf("down_block_types", Optional.of(type), DOWN));
    config.upBlockTypes().forEach(type -> oneOf("up_block_types", Optional.of(type), UP));
    perLevel("only_cross_attention", config.onlyCrossAttention(), levels);
    perLevel("layers_per_block", config.layersPerBlock(), levels);
    perLevel("cross_attention_dim", config.crossAttentionDim(), levels);
    checkDepths(config);
    perLevel("attention_head_dim", config.attentionHeadDim(), levels);
    config.layersPerBlock().values().forEach(n -> atLeastOne("layers_per_block", n));
    config.crossAttentionDim().values().forEach(n -> atLeastOne("cross_attention_dim", n));
    config.attentionHeadDim().values().forEach(n -> atLeastOne("attention_head_dim", n));
    for (int i = 0; i < levels; i++) {
      int channels = config.blockOutChannels().get(i);
      int heads = config.attentionHeadDim().get(i);
      boolean attention =
          config.downBlockTypes().get(i).contains("Attn")
              || config.upBlockTypes().get(levels - 1 - i).contains("Attn");
      require(
          !attention || heads <= channels,
          String.format(
              Locale.ROOT,
              "attention_head_dim asks for %d heads of %d channels: see block_out_channels",
              heads,
              channels));
    }
  }

  private static void checkDepths(UNet2DConditionConfig config) {
    String down = "transformer_layers_per_block";
    String up = "reverse_" + down;
    perLevel(down, config.transformerLayersPerBlock(), config.levels());
    config.reverseTransformerLayersPerBlock().ifPresent(d -> perLevel(up, d, config.levels()));
    for (int i = 0; i < config.levels(); i++) {
      int layers = config.layersPerBlock().get(i);
      depths(down, config.depths(i), layers);
      boolean told = config.reverseTransformerLayersPerBlock().isPresent();
      require(
          told || !config.depths(i).list(),
          up + " is missing: " + down + " has a list for a level, and the way up needs one, too");
      depths(up, config.depthsUp(i), layers + 1);
    }
    double scale = config.resnetOutScaleFactor();
    require(scale != 0, "resnet_out_scale_factor must not be 0");
  }

  /** Checks the blocks of each transformer of a level, which has one for each of its layers. */
  private static void depths(String key, PerLevel<Integer> depths, int layers) {
    require(
        !depths.list() || depths.values().size() == layers,
        String.format(
            Locale.ROOT,
            "%s has %s for a level of %d layers: name one number for each",
            key,
            depths.values(),
            layers));
    for (int depth : depths.values()) {
      require(depth >= 0, key + " must be at least 0, not " + depth);
    }
  }

  private static void checkNumbers(UNet2DConditionConfig config) {
    int groups = config.normNumGroups();
    atLeastOne("norm_num_groups", groups);
    for (int channels : config.blockOutChannels()) {
      atLeastOne("block_out_channels", channels);
      require(
          channels % groups == 0,
          String.format(
              Locale.ROOT,
              "norm_num_groups %d does not divide the %d channels of a level: see block_out_channels",
              groups,
              channels));
    }
    config.sampleSize().forEach(size -> atLeastOne("sample_size", size));
    require(config.sampleSize().size() <= 2, "sample_size must be one number or [height, width]");
    atLeastOne("in_channels", config.inChannels());
    atLeastOne("out_channels", config.outChannels());
    odd("conv_in_kernel", config.convInKernel());
    odd("conv_out_kernel", config.convOutKernel());
    int padding = config.downsamplePadding();
    require(padding == 0 || padding == 1, "downsample_padding must be 0 or 1, not " + padding);
    double dropout = config.dropout();
    require(dropout >= 0 && dropout < 1, "dropout must be from 0 to below 1, not " + dropout);
  }

  private static void checkEmbeddings(UNet2DConditionConfig config) {
    oneOf(
        "class_embed_type",
        config.classEmbedType(),
        List.of("timestep", "identity", "projection", "simple_projection"));
    oneOf("addition_embed_type", config.additionEmbedType(), List.of("text_time"));
    oneOf("encoder_hid_dim_type", config.encoderHidDimType(), List.of("text_proj"));
    require(
        config.encoderHidDimType().isEmpty() || config.encoderHidDim().isPresent(),
        "encoder_hid_dim is missing: encoder_hid_dim_type needs it");
    require(
        config.encoderHidDim().isEmpty() || !config.crossAttentionDim().list(),
        "cross_attention_dim must be one number if encoder_hid_dim is set");
    boolean projects = config.classEmbedType().filter(t -> t.endsWith("projection")).isPresent();
    boolean sizes = config.additionEmbedType().isPresent();
    require(
        !(projects || sizes) || config.projectionClassEmbeddingsInputDim().isPresent(),
        "projection_class_embeddings_input_dim is missing: class_embed_type or addition_embed_type"
            + " needs it");
    require(
        !sizes || config.additionTimeEmbedDim().isPresent(),
        "addition_time_embed_dim is missing: addition_embed_type needs it");
    config.encoderHidDim().ifPresent(n -> atLeastOne("encoder_hid_dim", n));
    config.numClassEmbeds().ifPresent(n -> atLeastOne("num_class_embeds", n));
    config.timeCondProjDim().ifPresent(n -> atLeastOne("time_cond_proj_dim", n));
    config.additionTimeEmbedDim().ifPresent(n -> atLeastOne("addition_time_embed_dim", n));
    config
        .projectionClassEmbeddingsInputDim()
        .ifPresent(n -> atLeastOne("projection_class_embeddings_input_dim", n));
  }

  private static void perLevel(String key, PerLevel<?> value, int levels) {
    if (value.list()) {
      sameLength(key, value.values().size(), levels);
    }
  }

  private static void sameLength(String key, int entries, int levels) {
    require(
        entries == levels,
        String.format(
            Locale.ROOT,
            "%s has %d entries, but block_out_channels has %d: name one for each level",
            key,
            entries,
            levels));
  }

  private static void odd(String key, int value) {
    require(value >= 1 && value % 2 == 1, key + " must be odd, not " + value);
  }

  private static void atLeastOne(String key, int value) {
    require(value >= 1, key + " must be at least 1, not " + value);
  }

  private static void oneOf(String key, Optional<String> value, List<String> known) {
    value.ifPresent(
        v ->
            require(
                known.contains(v),
                key + " '" + v + "' is not supported: use " + String.join(", ", known)));
  }

  private static void require(boolean condition, String message) {
    if (!condition) {
      throw new SfumatoException(message);
    }
  }
}
