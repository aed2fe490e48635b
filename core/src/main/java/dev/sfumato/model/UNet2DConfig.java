package dev.sfumato.model;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonValue;
import dev.sfumato.SfumatoException;
import dev.sfumato.io.JsonObject;
import dev.sfumato.nn.Activation;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * The shape of a {@link UNet2DModel}: the {@code unet/config.json} that diffusers writes.
 * Components are named as the keys of the file, in camelCase; {@link #of} has the defaults.
 *
 * @param sampleSize height and width in pixels, one number for a square, or empty; informative
 * @param inChannels channels of the noisy picture, conditioning channels included
 * @param outChannels channels of the prediction
 * @param centerInputSample whether input in [0, 1] is first moved to [-1, 1]
 * @param timeEmbeddingType {@code positional}, {@code fourier} or {@code learned}
 * @param timeEmbeddingDim size of the time embedding; empty: four times the first block's channels
 * @param freqShift the number subtracted from the count of frequencies of a positional embedding
 * @param flipSinToCos whether cosines come first in a positional embedding
 * @param downBlockTypes a block for each level on the way down
 * @param midBlockType {@code UNetMidBlock2D}, or empty for no block in the middle
 * @param upBlockTypes a block for each level on the way up
 * @param blockOutChannels channels of each level, the finest first
 * @param layersPerBlock residual blocks of a level on the way down; the way up has one more
 * @param midBlockScaleFactor the divisor of the outputs of the middle block's layers
 * @param downsamplePadding padding of a halving convolution: 1, or 0 for right and bottom only
 * @param downsampleType {@code conv} (also if empty) or {@code resnet}; for attention blocks
 * @param upsampleType {@code conv} (also if empty) or {@code resnet}; for attention blocks
 * @param dropout probability, in residual blocks during training
 * @param actFn {@code silu}, {@code swish}, {@code mish}, {@code gelu} or {@code relu}
 * @param attentionHeadDim channels of an attention head; empty: one head of all channels
 * @param normNumGroups groups of the normalisations; empty: a quarter of the channels, at most 32
 * @param attnNormNumGroups groups of the middle attention's normalisation; empty: as {@code
 *     normNumGroups}, or no normalisation with {@code scale_shift}
 * @param normEps the number added to variances
 * @param resnetTimeScaleShift {@code default} (time is added) or {@code scale_shift}
 * @param addAttention whether the middle block has attention
 * @param classEmbedType the embedding of labels: {@code timestep} (as a time), {@code identity}
 *     (labels are embeddings), or empty: by {@code numClassEmbeds}
 * @param numClassEmbeds number of classes of a learned table; empty: no classes
 * @param numTrainTimesteps number of timesteps of a {@code learned} time embedding
 * @param other all other keys of the file, such as {@code _class_name}
 */
public record UNet2DConfig(
    List<Integer> sampleSize,
    int inChannels,
    int outChannels,
    boolean centerInputSample,
    String timeEmbeddingType,
    Optional<Integer> timeEmbeddingDim,
    double freqShift,
    boolean flipSinToCos,
    List<String> downBlockTypes,
    Optional<String> midBlockType,
    List<String> upBlockTypes,
    List<Integer> blockOutChannels,
    int layersPerBlock,
    double midBlockScaleFactor,
    int downsamplePadding,
    Optional<String> downsampleType,
    Optional<String> upsampleType,
    double dropout,
    String actFn,
    Optional<Integer> attentionHeadDim,
    Optional<Integer> normNumGroups,
    Optional<Integer> attnNormNumGroups,
    double normEps,
    String resnetTimeScaleShift,
    boolean addAttention,
    Optional<String> classEmbedType,
    Optional<Integer> numClassEmbeds,
    Optional<Integer> numTrainTimesteps,
    Map<String, Object> other) {

  private static final List<String> DOWN =
      List.of("DownBlock2D", "AttnDownBlock2D", "AttnDownBlock2D", "AttnDownBlock2D");
  private static final List<String> UP =
      List.of("AttnUpBlock2D", "AttnUpBlock2D", "AttnUpBlock2D", "UpBlock2D");

  /** Keeps the values without a check; {@link #of} and {@link UNet2DModel} check them. */
  public UNet2DConfig {
    sampleSize = List.copyOf(sampleSize);
    downBlockTypes = List.copyOf(downBlockTypes);
    upBlockTypes = List.copyOf(upBlockTypes);
    blockOutChannels = List.copyOf(blockOutChannels);
    other = Collections.unmodifiableMap(new LinkedHashMap<>(other));
  }

  /**
   * Makes a configuration from the keys of {@code config.json}; missing keys get diffusers'
   * defaults, unknown keys are kept.
   *
   * @throws SfumatoException naming the key whose value is invalid
   */
  @JsonCreator(mode = JsonCreator.Mode.DELEGATING)
  public static UNet2DConfig of(Map<String, ?> json) {
    UNet2DRules.checkClass(json); // first: others have keys of the same names and other types
    JsonObject fields = JsonObject.of(json);
    UNet2DConfig config =
        new UNet2DConfig(
            fields.integerOrList("sample_size"),
            fields.integer("in_channels", 3),
            fields.integer("out_channels", 3),
            fields.flag("center_input_sample", false),
            fields.text("time_embedding_type", "positional"),
            fields.optionalInteger("time_embedding_dim", Optional.empty()),
            fields.number("freq_shift", 0),
            fields.flag("flip_sin_to_cos", true),
            fields.texts("down_block_types", DOWN),
            fields.optionalText("mid_block_type", Optional.of("UNetMidBlock2D")),
            fields.texts("up_block_types", UP),
            fields.integers("block_out_channels", List.of(224, 448, 672, 896)),
            fields.integer("layers_per_block", 2),
            fields.number("mid_block_scale_factor", 1),
            fields.integer("downsample_padding", 1),
            fields.optionalText("downsample_type", Optional.of("conv")),
            fields.optionalText("upsample_type", Optional.of("conv")),
            fields.number("dropout", 0),
            fields.text("act_fn", "silu"),
            fields.optionalInteger("attention_head_dim", Optional.of(8)),
            fields.optionalInteger("norm_num_groups", Optional.of(32)),
            fields.optionalInteger("attn_norm_num_groups", Optional.empty()),
            fields.number("norm_eps", 1e-5),
            fields.text("resnet_time_scale_shift", "default"),
            fields.flag("add_attention", true),
            fields.optionalText("class_embed_type", Optional.empty()),
            fields.optionalInteger("num_class_embeds", Optional.empty()),
            fields.optionalInteger("num_train_timesteps", Optional.empty()),
            fields.rest());
    UNet2DRules.check(config);
    return config;
  }

  /** Returns all keys and values of {@code config.json}, sorted as diffusers sorts them. */
  @JsonValue
  public Map<String, Object> toJson() {
    Map<String, Object> json = new TreeMap<>(other);
    json.putIfAbsent("_class_name", "UNet2DModel");
    json.put("sample_size", sampleSize.size() > 1 ? sampleSize : first(sampleSize));
    json.put("in_channels", inChannels);
    json.put("out_channels", outChannels);
    json.put("center_input_sample", centerInputSample);
    json.put("time_embedding_type", timeEmbeddingType);
    json.put("time_embedding_dim", timeEmbeddingDim.orElse(null));
    json.put("freq_shift", plain(freqShift));
    json.put("flip_sin_to_cos", flipSinToCos);
    json.put("down_block_types", downBlockTypes);
    json.put("mid_block_type", midBlockType.orElse(null));
    json.put("up_block_types", upBlockTypes);
    json.put("block_out_channels", blockOutChannels);
    json.put("layers_per_block", layersPerBlock);
    json.put("mid_block_scale_factor", plain(midBlockScaleFactor));
    json.put("downsample_padding", downsamplePadding);
    json.put("downsample_type", downsampleType.orElse(null));
    json.put("upsample_type", upsampleType.orElse(null));
    json.put("dropout", dropout);
    json.put("act_fn", actFn);
    json.put("attention_head_dim", attentionHeadDim.orElse(null));
    json.put("norm_num_groups", normNumGroups.orElse(null));
    json.put("attn_norm_num_groups", attnNormNumGroups.orElse(null));
    json.put("norm_eps", normEps);
    json.put("resnet_time_scale_shift", resnetTimeScaleShift);
    json.put("add_attention", addAttention);
    json.put("class_embed_type", classEmbedType.orElse(null));
    json.put("num_class_embeds", numClassEmbeds.orElse(null));
    json.put("num_train_timesteps", numTrainTimesteps.orElse(null));
    return json;
  }

  /** Returns this configuration with another value for one key of {@code config.json}. */
  public UNet2DConfig with(String key, Object value) {
    Map<String, Object> json = toJson();
    json.put(key, value);
    return of(json);
  }

  /** The size of the time embedding. */
  public int timeChannels() {
    return timeEmbeddingDim.filter(size -> size > 0).orElse(4 * blockOutChannels.get(0));
  }

  /**
   * Returns the number that must divide height and width, since each level except the last halves.
   */
  public int multiple() {
    return 1 << (blockOutChannels.size() - 1);
  }

  /**
   * Checks a picture's size.
   *
   * @throws SfumatoException if the size cannot be halved at each level
   */
  public void requireDivisible(long height, long width) {
    if (height < 1 || width < 1 || height % multiple() != 0 || width % multiple() != 0) {
      throw new SfumatoException(
          String.format(
                  Locale.ROOT,
                  "a picture of %d x %d pixels does not fit the U-Net, which halves it %d times: ",
                  height,
                  width,
                  blockOutChannels.size() - 1)
              + "height and width must be multiples of "
              + multiple());
    }
  }

  /** Returns the block of level {@code i} on the way down, 0 the finest, without its old prefix. */
  String downBlock(int i) {
    return withoutPrefix(downBlockTypes.get(i));
  }

  /** Returns block {@code i} of the way up, 0 at the coarsest level, without its old prefix. */
  String upBlock(int i) {
    return withoutPrefix(upBlockTypes.get(i));
  }

  private static String withoutPrefix(String type) {
    return type.startsWith("UNetRes") ? type.substring("UNetRes".length()) : type;
  }

  /** Returns the channels of an attention head in a block of {@code channels}. */
  int headChannels(int channels) {
    return attentionHeadDim.orElse(channels);
  }

  /** Returns the groups of a normalisation over {@code channels}. */
  int groups(int channels) {
    return normNumGroups.orElse(Math.min(channels / 4, 32));
  }

  /** The residual blocks of a level on the way down. */
  Layers layers() {
    return new Layers(layersPerBlock, resnet(), 1, this::groups);
  }

  /** Returns the settings that residual blocks share. */
  ResnetBlock.Settings resnet() {
    return new ResnetBlock.Settings(
        normEps, activation(), dropout, timeChannels(), scaleShift(), false);
  }

  Activation activation() {
    return Activation.parse(actFn.toLowerCase(Locale.ROOT));
  }

  boolean scaleShift() {
    return resnetTimeScaleShift.equals("scale_shift");
  }

  private static Object first(List<Integer> sizes) {
    return sizes.isEmpty() ? null : sizes.get(0);
  }

  /** Writes a whole number without the ".0", as in Python's files. */
  static Object plain(double value) {
    return value == Math.rint(value) && Math.abs(value) < 1e9
        ? (Object) (int) value
        : (Object) value;
  }
}
