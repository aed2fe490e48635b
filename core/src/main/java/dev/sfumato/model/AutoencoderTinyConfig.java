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
import java.util.TreeMap;

/**
 * The shape of an {@link AutoencoderTiny}: the {@code config.json} that diffusers writes.
 * Components are named as the keys of the file, in camelCase; {@link #of} has the defaults.
 *
 * @param inChannels channels of a picture
 * @param outChannels channels of a decoded picture
 * @param encoderBlockOutChannels channels of each level of the encoder, all equal
 * @param decoderBlockOutChannels channels of each level of the decoder, all equal
 * @param actFn {@code relu}, {@code silu}, {@code swish}, {@code mish} or {@code gelu}
 * @param latentChannels channels of the latents
 * @param upsamplingScalingFactor the enlargement by each level of the decoder except the last
 * @param numEncoderBlocks blocks of each level of the encoder
 * @param numDecoderBlocks blocks of each level of the decoder
 * @param scalingFactor the factor of latents for the diffusion model
 * @param other all other keys of the file, such as {@code _class_name}
 */
public record AutoencoderTinyConfig(
    int inChannels,
    int outChannels,
    List<Integer> encoderBlockOutChannels,
    List<Integer> decoderBlockOutChannels,
    String actFn,
    int latentChannels,
    int upsamplingScalingFactor,
    List<Integer> numEncoderBlocks,
    List<Integer> numDecoderBlocks,
    double scalingFactor,
    Map<String, Object> other) {

  /** Checks all values. */
  public AutoencoderTinyConfig {
    encoderBlockOutChannels = List.copyOf(encoderBlockOutChannels);
    decoderBlockOutChannels = List.copyOf(decoderBlockOutChannels);
    numEncoderBlocks = List.copyOf(numEncoderBlocks);
    numDecoderBlocks = List.copyOf(numDecoderBlocks);
    other = Collections.unmodifiableMap(new LinkedHashMap<>(other));
    Object name = other.getOrDefault("_class_name", "AutoencoderTiny");
    require("AutoencoderTiny".equals(name), "_class_name is " + name + ", not AutoencoderTiny");
    Object enlarging = other.getOrDefault("upsample_fn", "nearest");
    require("nearest".equals(enlarging), "upsample_fn " + enlarging + " is not supported");
    levels("encoder", encoderBlockOutChannels, numEncoderBlocks);
    levels("decoder", decoderBlockOutChannels, numDecoderBlocks);
    atLeastOne("in_channels", inChannels);
    atLeastOne("out_channels", outChannels);
    atLeastOne("latent_channels", latentChannels);
    atLeastOne("upsampling_scaling_factor", upsamplingScalingFactor);
    require(scalingFactor > 0, "scaling_factor must be above 0, not " + scalingFactor);
    Activation.parse(actFn.toLowerCase(Locale.ROOT));
  }

  /**
   * Makes a configuration from the keys of {@code config.json}; missing keys get diffusers'
   * defaults, unknown keys are kept.
   *
   * @throws SfumatoException naming the key whose value is invalid or not supported
   */
  @JsonCreator(mode = JsonCreator.Mode.DELEGATING)
  public static AutoencoderTinyConfig of(Map<String, ?> json) {
    JsonObject f = JsonObject.of(json);
    List<Integer> widths = List.of(64, 64, 64, 64);
    return new AutoencoderTinyConfig(
        f.integer("in_channels", 3),
        f.integer("out_channels", 3),
        f.integers("encoder_block_out_channels", widths),
        f.integers("decoder_block_out_channels", widths),
        f.text("act_fn", "relu"),
        f.integer("latent_channels", 4),
        f.integer("upsampling_scaling_factor", 2),
        f.integers("num_encoder_blocks", List.of(1, 3, 3, 3)),
        f.integers("num_decoder_blocks", List.of(3, 3, 3, 1)),
        f.number("scaling_factor", 1),
        f.rest());
  }

  /** Returns all keys and values of {@code config.json}, sorted as diffusers sorts them. */
  @JsonValue
  public Map<String, Object> toJson() {
    Map<String, Object> json = new TreeMap<>(other);
    json.putIfAbsent("_class_name", "AutoencoderTiny");
    json.put("in_channels", inChannels);
    json.put("out_channels", outChannels);
    json.put("encoder_block_out_channels", encoderBlockOutChannels);
    json.put("decoder_block_out_channels", decoderBlockOutChannels);
    json.put("act_fn", actFn);
    json.put("latent_channels", latentChannels);
    json.put("upsampling_scaling_factor", upsamplingScalingFactor);
    json.put("num_encoder_blocks", numEncoderBlocks);
    json.put("num_decoder_blocks", numDecoderBlocks);
    json.put("scaling_factor", scalingFactor);
    return json;
  }

  /** Returns the side, in pixels of a picture, of one pixel of latents. */
  int enlargement() {
    return (int) Math.pow(upsamplingScalingFactor, decoderBlockOutChannels.size() - 1);
  }

  Activation activation() {
    return Activation.parse(actFn.toLowerCase(Locale.ROOT));
  }

  private static void levels(String half, List<Integer> channels, List<Integer> blocks) {
    String key = half + "_block_out_channels";
    require(!channels.isEmpty(), key + " is empty: name the channels of each level");
    require(
        blocks.size() == channels.size(),
        String.format(
            Locale.ROOT,
            "num_%s_blocks has %d entries, but %s has %d",
            half,
            blocks.size(),
            key,
            channels.size()));
    require(
        channels.stream().distinct().count() == 1 && channels.get(0) >= 1,
        key + " must be the same number for all levels, not " + channels);
    require(blocks.stream().allMatch(n -> n >= 0), "num_" + half + "_blocks must be at least 0");
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
