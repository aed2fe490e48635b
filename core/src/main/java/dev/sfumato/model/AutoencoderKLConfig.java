package dev.sfumato.model;

import com.fasterxml.jackson.annotation.JsonCreator;
import dev.sfumato.SfumatoException;
import dev.sfumato.io.JsonObject;
import dev.sfumato.io.JsonValue;
import dev.sfumato.nn.Activation;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * The shape of an {@link AutoencoderKL}: the {@code vae/config.json} that diffusers writes.
 * Components are named as the keys of the file, in camelCase; {@link #of} has the defaults.
 *
 * @param inChannels channels of a picture
 * @param outChannels channels of a decoded picture
 * @param downBlockTypes {@code DownEncoderBlock2D} for each level of the encoder
 * @param upBlockTypes {@code UpDecoderBlock2D} for each level of the decoder
 * @param blockOutChannels channels of each level, the finest first
 * @param layersPerBlock residual blocks of a level of the encoder; the decoder has one more
 * @param actFn {@code silu}, {@code swish}, {@code mish}, {@code gelu} or {@code relu}
 * @param latentChannels channels of the latents
 * @param normNumGroups groups of the normalisations
 * @param sampleSize height and width in pixels of the training pictures, and of a tile
 * @param scalingFactor the factor of latents for the diffusion model
 * @param shiftFactor the number subtracted from latents before scaling, or empty
 * @param latentsMean the mean of each channel of latents, or empty
 * @param latentsStd the standard deviation of each channel of latents, or empty
 * @param forceUpcast whether the network needs more than half precision
 * @param useQuantConv whether the encoder ends with a 1 x 1 convolution
 * @param usePostQuantConv whether the decoder begins with a 1 x 1 convolution
 * @param midBlockAddAttention whether the middle blocks have attention
 * @param other all other keys of the file, such as {@code _class_name}
 */
public record AutoencoderKLConfig(
    int inChannels,
    int outChannels,
    List<String> downBlockTypes,
    List<String> upBlockTypes,
    List<Integer> blockOutChannels,
    int layersPerBlock,
    String actFn,
    int latentChannels,
    int normNumGroups,
    int sampleSize,
    double scalingFactor,
    Optional<Double> shiftFactor,
    List<Double> latentsMean,
    List<Double> latentsStd,
    boolean forceUpcast,
    boolean useQuantConv,
    boolean usePostQuantConv,
    boolean midBlockAddAttention,
    Map<String, Object> other) {
  private static final double EPSILON = 1e-6;

  /** Checks all values. */
  public AutoencoderKLConfig {
    downBlockTypes = List.copyOf(downBlockTypes);
    upBlockTypes = List.copyOf(upBlockTypes);
    blockOutChannels = List.copyOf(blockOutChannels);
    latentsMean = List.copyOf(latentsMean);
    latentsStd = List.copyOf(latentsStd);
    other = Collections.unmodifiableMap(new LinkedHashMap<>(other));
    Object name = other.getOrDefault("_class_name", "AutoencoderKL");
    require("AutoencoderKL".equals(name), "_class_name is " + name + ", not AutoencoderKL");
    levels("down_block_types", downBlockTypes, "DownEncoderBlock2D", blockOutChannels);
    levels("up_block_types", upBlockTypes, "UpDecoderBlock2D", blockOutChannels);
    for (int channels : blockOutChannels) {
      require(channels >= 1, "block_out_channels must be at least 1, not " + channels);
      require(
          normNumGroups >= 1 && channels % normNumGroups == 0,
          String.format(
              Locale.ROOT,
              "norm_num_groups %d does not divide the %d channels of a level: see block_out_channels",
              normNumGroups,
              channels));
    }
    atLeastOne("in_channels", inChannels);
    atLeastOne("out_channels", outChannels);
    atLeastOne("layers_per_block", layersPerBlock);
    atLeastOne("latent_channels", latentChannels);
    atLeastOne("sample_size", sampleSize);
    require(
        scalingFactor > 0 && Double.isFinite(scalingFactor),
        "scaling_factor must be above 0, not " + scalingFactor);
    perChannel("latents_mean", latentsMean, latentChannels);
    perChannel("latents_std", latentsStd, latentChannels);
    Activation.parse(actFn.toLowerCase(Locale.ROOT));
  }

  /**
   * Makes a configuration from the keys of {@code config.json}; missing keys get diffusers'
   * defaults, unknown keys are kept.
   *
   * @throws SfumatoException naming the key whose value is invalid or not supported
   */
  @JsonCreator(mode = JsonCreator.Mode.DELEGATING)
  public static AutoencoderKLConfig of(Map<String, ?> json) {
    JsonObject f = JsonObject.of(json);
    return new AutoencoderKLConfig(
        f.integer("in_channels", 3),
        f.integer("out_channels", 3),
        f.texts("down_block_types", List.of("DownEncoderBlock2D")),
        f.texts("up_block_types", List.of("UpDecoderBlock2D")),
        f.integers("block_out_channels", List.of(64)),
        f.integer("layers_per_block", 1),
        f.text("act_fn", "silu"),
        f.integer("latent_channels", 4),
        f.integer("norm_num_groups", 32),
        f.integer("sample_size", 32),
        f.number("scaling_factor", 0.18215),
        value(f, "shift_factor").map(JsonValue::number),
        value(f, "latents_mean").map(JsonValue::numbers).orElse(List.of()),
        value(f, "latents_std").map(JsonValue::numbers).orElse(List.of()),
        f.flag("force_upcast", true),
        f.flag("use_quant_conv", true),
        f.flag("use_post_quant_conv", true),
        f.flag("mid_block_add_attention", true),
        f.rest());
  }

  private static Optional<JsonValue> value(JsonObject json, String key) {
    return json.has(key)
        ? Optional.of(json.get(key)).filter(value -> value.value() != null)
        : Optional.empty();
  }

  /** Returns all keys and values of {@code config.json}, sorted as diffusers sorts them. */
  @com.fasterxml.jackson.annotation.JsonValue
  public Map<String, Object> toJson() {
    Map<String, Object> json = new TreeMap<>(other);
    json.putIfAbsent("_class_name", "AutoencoderKL");
    json.put("in_channels", inChannels);
    json.put("out_channels", outChannels);
    json.put("down_block_types", downBlockTypes);
    json.put("up_block_types", upBlockTypes);
    json.put("block_out_channels", blockOutChannels);
    json.put("layers_per_block", layersPerBlock);
    json.put("act_fn", actFn);
    json.put("latent_channels", latentChannels);
    json.put("norm_num_groups", normNumGroups);
    json.put("sample_size", sampleSize);
    json.put("scaling_factor", scalingFactor);
    json.put("shift_factor", shiftFactor.orElse(null));
    json.put("latents_mean", latentsMean.isEmpty() ? null : latentsMean);
    json.put("latents_std", latentsStd.isEmpty() ? null : latentsStd);
    json.put("force_upcast", forceUpcast);
    json.put("use_quant_conv", useQuantConv);
    json.put("use_post_quant_conv", usePostQuantConv);
    json.put("mid_block_add_attention", midBlockAddAttention);
    return json;
  }

  /** Returns this configuration with another value for one key of {@code config.json}. */
  public AutoencoderKLConfig with(String key, Object value) {
    Map<String, Object> json = toJson();
    json.put(key, value);
    return of(json);
  }

  /** Returns the height and width, in pixels of the picture, of one pixel of the latents. */
  public int reduction() {
    return 1 << (blockOutChannels.size() - 1);
  }

  /** Returns {@code count} residual blocks without a time embedding. */
  Layers layers(int count) {
    Activation activation = Activation.parse(actFn.toLowerCase(Locale.ROOT));
    return new Layers(
        count,
        new ResnetBlock.Settings(EPSILON, activation, 0, 0, false, false),
        1,
        channels -> normNumGroups);
  }

  double epsilon() {
    return EPSILON;
  }

  private static void levels(String key, List<String> types, String known, List<Integer> channels) {
    require(!channels.isEmpty(), "block_out_channels is empty: name the channels of each level");
    require(
        types.size() == channels.size(),
        String.format(
            Locale.ROOT,
            "%s has %d entries, but block_out_channels has %d: name one block for each level",
            key,
            types.size(),
            channels.size()));
    for (String type : types) {
      require(type.equals(known), key + " '" + type + "' is not supported: use " + known);
    }
  }

  private static void perChannel(String key, List<Double> values, int channels) {
    require(
        values.isEmpty() || values.size() == channels,
        key + " has " + values.size() + " numbers, but latent_channels is " + channels);
  }

  private static void atLeastOne(String key, int value) {
    require(value >= 1, key + " must be at least 1, not " + value);
  }

  private static void require(boolean condition, String message) {
    if (!condition) {
      throw new SfumatoException(message);
    }
  }
}
