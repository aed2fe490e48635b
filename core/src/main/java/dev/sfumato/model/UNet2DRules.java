package dev.sfumato.model;

import dev.sfumato.SfumatoException;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/** The rules for a {@link UNet2DConfig}; every message names the key. */
final class UNet2DRules {
  /** Channels of the picture in skip blocks. */
  static final int PICTURE_CHANNELS = 3;

  private static final int MOST_CHANNELS = 1 << 16;
  private static final int MOST_VECTORS = 1_000_000;

  private UNet2DRules() {}

  static void check(UNet2DConfig config) {
    checkClass(config.other());
    checkLevels(config);
    checkChannels(config);
    checkSkipBlocks(config);
    checkNormalisation(config);
    checkEmbeddings(config);
    oneOf("mid_block_type", config.midBlockType(), List.of("UNetMidBlock2D"));
    oneOf("downsample_type", config.downsampleType(), List.of("conv", "resnet"));
    oneOf("upsample_type", config.upsampleType(), List.of("conv", "resnet"));
    int padding = config.downsamplePadding();
    require(padding == 0 || padding == 1, "downsample_padding must be 0 or 1, not " + padding);
    checkNumbers(config);
    double dropout = config.dropout();
    require(dropout >= 0 && dropout < 1, "dropout must be from 0 to below 1, not " + dropout);
    config.activation();
  }

  static void checkClass(Map<String, ?> json) {
    Object name = json.get("_class_name");
    require(
        name == null || name.equals("UNet2DModel"),
        "_class_name is " + name + ": only UNet2DModel is known to draw without other parts");
  }

  private static void checkNumbers(UNet2DConfig config) {
    double epsilon = config.normEps();
    require((float) epsilon > 0 && epsilon <= 1, "norm_eps must be above 0, not " + epsilon);
    double factor = config.midBlockScaleFactor();
    require(
        (float) factor > 0 && Float.isFinite((float) factor),
        "mid_block_scale_factor must be above 0, not " + factor);
    int frequencies = config.blockOutChannels().get(0) / 2;
    require(
        frequencies == 0
            || config.freqShift() < frequencies
            || !config.timeEmbeddingType().equals("positional"),
        String.format(
            Locale.ROOT,
            "freq_shift must be below %d, half of the first block_out_channels, not %s",
            frequencies,
            config.freqShift()));
  }

  private static void checkLevels(UNet2DConfig config) {
    int levels = config.blockOutChannels().size();
    require(levels > 0, "block_out_channels is empty: name the channels of each level");
    require(levels <= 16, "block_out_channels has " + levels + " levels: at most 16 are possible");
    sameLength("down_block_types", config.downBlockTypes(), levels);
    sameLength("up_block_types", config.upBlockTypes(), levels);
    for (int i = 0; i < levels; i++) {
      oneOf("down_block_types", Optional.of(config.downBlock(i)), DownBlock.TYPES);
      oneOf("up_block_types", Optional.of(config.upBlock(i)), UpBlock.TYPES);
    }
    within("layers_per_block", config.layersPerBlock(), 100);
  }

  private static void checkChannels(UNet2DConfig config) {
    config.blockOutChannels().forEach(c -> within("block_out_channels", c, MOST_CHANNELS));
    config.sampleSize().forEach(size -> within("sample_size", size, 8192));
    require(config.sampleSize().size() <= 2, "sample_size must be one number or [height, width]");
    within("in_channels", config.inChannels(), MOST_CHANNELS);
    within("out_channels", config.outChannels(), MOST_CHANNELS);
    require(
        config.timeChannels() <= 16 * MOST_CHANNELS,
        String.format(
            Locale.ROOT,
            "time_embedding_dim must be at most %d, not %d",
            16 * MOST_CHANNELS,
            config.timeChannels()));
    config.attentionHeadDim().ifPresent(size -> checkHeads(config, size));
  }

  private static void checkHeads(UNet2DConfig config, int size) {
    atLeastOne("attention_head_dim", size);
    int levels = config.blockOutChannels().size();
    for (int i = 0; i < levels; i++) {
      boolean middle =
          i == levels - 1 && config.midBlockType().isPresent() && config.addAttention();
      boolean attention =
          config.downBlock(i).contains("Attn") || config.upBlock(levels - 1 - i).contains("Attn");
      int channels = config.blockOutChannels().get(i);
      require(
          size <= channels || !(attention || middle),
          "attention_head_dim "
              + size
              + " is more than the "
              + channels
              + " channels of an attention block: see block_out_channels");
    }
  }

  /** Checks that the picture in skip blocks has the size of the features it is added to. */
  private static void checkSkipBlocks(UNet2DConfig config) {
    int last = config.blockOutChannels().size() - 1;
    for (int i = 0; i < last; i++) {
      if (isSkip(config.downBlock(i))) {
        needsPicture("in_channels", config.inChannels(), config.downBlock(i));
        require(
            i == 0 || isSkip(config.downBlock(i - 1)),
            "down_block_types: "
                + config.downBlock(i)
                + " cannot follow "
                + config.downBlock(Math.max(i - 1, 0)));
      }
      if (isSkip(config.upBlock(i))) {
        needsPicture("out_channels", config.outChannels(), config.upBlock(i));
        require(
            isSkip(config.upBlock(i + 1)),
            "up_block_types: " + config.upBlock(i + 1) + " cannot follow " + config.upBlock(i));
      }
    }
  }

  private static boolean isSkip(String type) {
    return type.contains("Skip");
  }

  private static void needsPicture(String key, int channels, String type) {
    require(
        channels == PICTURE_CHANNELS,
        key + " is " + channels + ", but " + type + " works on pictures of 3 channels");
  }

  private static void checkNormalisation(UNet2DConfig config) {
    config.normNumGroups().ifPresent(groups -> atLeastOne("norm_num_groups", groups));
    config.attnNormNumGroups().ifPresent(groups -> atLeastOne("attn_norm_num_groups", groups));
    int last = config.blockOutChannels().size() - 1;
    boolean middle = config.midBlockType().isPresent();
    for (int i = 0; i <= last; i++) {
      String down = config.downBlock(i);
      String up = config.upBlock(last - i);
      if (config.normNumGroups().isEmpty()) {
        require(
            hasOwnGroups(down) && hasOwnGroups(up),
            String.format(
                Locale.ROOT,
                "norm_num_groups must be a number with %s and %s, not null",
                down,
                up));
      } else if (i == 0 || i == last && middle || !hasOwnGroups(down) || !hasOwnGroups(up)) {
        divides("norm_num_groups", config.normNumGroups(), config.blockOutChannels().get(i));
      }
    }
    if (middle && config.addAttention()) {
      divides(
          "attn_norm_num_groups", config.attnNormNumGroups(), config.blockOutChannels().get(last));
    }
    oneOf(
        "resnet_time_scale_shift",
        Optional.of(config.resnetTimeScaleShift()),
        List.of("default", "scale_shift"));
  }

  private static boolean hasOwnGroups(String type) {
    return isSkip(type) || type.startsWith("K");
  }

  private static void divides(String key, Optional<Integer> groups, int channels) {
    groups.ifPresent(
        n ->
            require(
                channels % n == 0,
                String.format(
                    Locale.ROOT,
                    "%s %d does not divide the %d channels of a level: see block_out_channels",
                    key,
                    n,
                    channels)));
  }

  private static void checkEmbeddings(UNet2DConfig config) {
    oneOf(
        "time_embedding_type",
        Optional.of(config.timeEmbeddingType()),
        List.of("positional", "fourier", "learned"));
    if (config.timeEmbeddingType().equals("learned")) {
      require(
          config.numTrainTimesteps().isPresent(),
          "num_train_timesteps is missing: a learned time embedding has that many vectors");
    }
    config.numTrainTimesteps().ifPresent(n -> within("num_train_timesteps", n, MOST_VECTORS));
    oneOf("class_embed_type", config.classEmbedType(), List.of("timestep", "identity"));
    config.numClassEmbeds().ifPresent(n -> within("num_class_embeds", n, MOST_VECTORS));
  }

  private static void sameLength(String key, List<String> types, int levels) {
    require(
        types.size() == levels,
        String.format(
            Locale.ROOT,
            "%s has %d entries, but block_out_channels has %d: name one block for each level",
            key,
            types.size(),
            levels));
  }

  private static void atLeastOne(String key, int value) {
    require(value >= 1, key + " must be at least 1, not " + value);
  }

  private static void within(String key, int value, int most) {
    atLeastOne(key, value);
    require(
        value <= most,
        String.format(Locale.ROOT, "%s must be at most %d, not %d", key, most, value));
  }

  private static void oneOf(String key, Optional<String> value, List<String> known) {
    value.ifPresent(
        v ->
            require(
                known.contains(v),
                key + " '" + v + "' is unknown: use " + String.join(", ", known)));
  }

  private static void require(boolean condition, String message) {
    if (!condition) {
      throw new SfumatoException(message);
    }
  }
}
