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
 * The shape of a {@link UNet2DConditionModel}: the {@code unet/config.json} that diffusers writes.
 * Components are named as the keys of the file, in camelCase; {@link #of} has the defaults. A
 * {@code PerLevel} is one value for all levels or a list.
 *
 * @param sampleSize height and width of the latents, one number for a square, or empty
 * @param inChannels channels of the noisy latents and of the channels concatenated to them
 * @param outChannels channels of the prediction
 * @param centerInputSample whether input in [0, 1] is first moved to [-1, 1]
 * @param flipSinToCos whether cosines come first in the time embedding
 * @param freqShift the number subtracted from the count of its frequencies
 * @param downBlockTypes a block for each level on the way down
 * @param midBlockType {@code UNetMidBlock2DCrossAttn}, {@code UNetMidBlock2D}, or empty for none
 * @param upBlockTypes a block for each level on the way up
 * @param onlyCrossAttention whether all attention of a level goes to the text
 * @param blockOutChannels channels of each level, the finest first
 * @param layersPerBlock residual blocks of a level on the way down; the way up has one more
 * @param downsamplePadding padding of a halving convolution: 1, or 0 for right and bottom only
 * @param midBlockScaleFactor the divisor of the outputs of the middle's residual blocks
 * @param dropout probability, in residual blocks during training
 * @param actFn {@code silu}, {@code swish}, {@code mish}, {@code gelu} or {@code relu}
 * @param normNumGroups groups of the normalisations
 * @param normEps the number that residual blocks and the last normalisation add to variances
 * @param crossAttentionDim channels of the text
 * @param transformerLayersPerBlock blocks of a transformer; a level may have a list, with a number
 *     for each of its transformers
 * @param reverseTransformerLayersPerBlock the same on the way up, the coarsest level first; empty:
 *     as on the way down
 * @param encoderHidDim channels of the text before its projection, with {@code text_proj}
 * @param encoderHidDimType {@code text_proj}, or empty: the text is not projected
 * @param attentionHeadDim the number of heads, despite its name
 * @param useLinearProjection whether a transformer's projections are stored as matrices
 * @param classEmbedType {@code timestep}, {@code identity}, {@code projection}, {@code
 *     simple_projection}, or empty: by {@code numClassEmbeds}
 * @param additionEmbedType {@code text_time} (Stable Diffusion XL), or empty
 * @param additionTimeEmbedDim size of the embedding of each number of {@code text_time}
 * @param numClassEmbeds number of classes of a learned table; empty: no classes
 * @param upcastAttention kept but not used, since all is float32
 * @param resnetTimeScaleShift {@code default} (time is added) or {@code scale_shift}
 * @param resnetSkipTimeAct whether {@code ResnetDownsampleBlock2D} and {@code
 *     ResnetUpsampleBlock2D} read the time without an activation
 * @param resnetOutScaleFactor the divisor of the outputs of these blocks' residual blocks
 * @param timeEmbeddingType {@code positional}, or {@code fourier} for fixed random frequencies
 * @param timeEmbeddingDim size of the time embedding; empty: four times the first block's channels,
 *     twice with {@code fourier}
 * @param timeEmbeddingActFn the activation of the sum of all embeddings; empty: none
 * @param timestepPostAct the activation of the time embedding; empty: none
 * @param timeCondProjDim size of the embedded scale of a distilled guidance (LCM); empty: none
 * @param convInKernel side of the first convolution's kernel, odd
 * @param convOutKernel side of the last convolution's kernel, odd
 * @param projectionClassEmbeddingsInputDim size of the input of {@code projection} and {@code
 *     text_time}
 * @param classEmbeddingsConcat whether the classes' embedding is appended to the time's instead of
 *     added
 * @param other all other keys of the file, such as {@code _class_name}
 */
public record UNet2DConditionConfig(
    List<Integer> sampleSize,
    int inChannels,
    int outChannels,
    boolean centerInputSample,
    boolean flipSinToCos,
    double freqShift,
    List<String> downBlockTypes,
    Optional<String> midBlockType,
    List<String> upBlockTypes,
    PerLevel<Boolean> onlyCrossAttention,
    List<Integer> blockOutChannels,
    PerLevel<Integer> layersPerBlock,
    int downsamplePadding,
    double midBlockScaleFactor,
    double dropout,
    String actFn,
    int normNumGroups,
    double normEps,
    PerLevel<Integer> crossAttentionDim,
    PerLevel<PerLevel<Integer>> transformerLayersPerBlock,
    Optional<PerLevel<PerLevel<Integer>>> reverseTransformerLayersPerBlock,
    Optional<Integer> encoderHidDim,
    Optional<String> encoderHidDimType,
    PerLevel<Integer> attentionHeadDim,
    boolean useLinearProjection,
    Optional<String> classEmbedType,
    Optional<String> additionEmbedType,
    Optional<Integer> additionTimeEmbedDim,
    Optional<Integer> numClassEmbeds,
    boolean upcastAttention,
    String resnetTimeScaleShift,
    boolean resnetSkipTimeAct,
    double resnetOutScaleFactor,
    String timeEmbeddingType,
    Optional<Integer> timeEmbeddingDim,
    Optional<String> timeEmbeddingActFn,
    Optional<String> timestepPostAct,
    Optional<Integer> timeCondProjDim,
    int convInKernel,
    int convOutKernel,
    Optional<Integer> projectionClassEmbeddingsInputDim,
    boolean classEmbeddingsConcat,
    Map<String, Object> other) {

  private static final List<String> DOWN =
      List.of(
          "CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D");
  private static final List<String> UP =
      List.of("UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D");

  /** Keeps the values without a check; {@link #of} and {@link UNet2DConditionModel} check them. */
  public UNet2DConditionConfig {
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
   * @throws SfumatoException naming the key whose value is invalid or not supported
   */
  @JsonCreator(mode = JsonCreator.Mode.DELEGATING)
  public static UNet2DConditionConfig of(Map<String, ?> json) {
    JsonObject f = JsonObject.of(json);
    UNet2DConditionConfig config =
        new UNet2DConditionConfig(
            f.integerOrList("sample_size"),
            f.integer("in_channels", 4),
            f.integer("out_channels", 4),
            f.flag("center_input_sample", false),
            f.flag("flip_sin_to_cos", true),
            f.number("freq_shift", 0),
            f.texts("down_block_types", DOWN),
            f.optionalText("mid_block_type", Optional.of("UNetMidBlock2DCrossAttn")),
            f.texts("up_block_types", UP),
            PerLevel.flags(f, "only_cross_attention", false),
            f.integers("block_out_channels", List.of(320, 640, 1280, 1280)),
            PerLevel.integers(f, "layers_per_block", 2),
            f.integer("downsample_padding", 1),
            f.number("mid_block_scale_factor", 1),
            f.number("dropout", 0),
            f.text("act_fn", "silu"),
            f.integer("norm_num_groups", 32),
            f.number("norm_eps", 1e-5),
            PerLevel.integers(f, "cross_attention_dim", 1280),
            PerLevel.integersOrLists(f, "transformer_layers_per_block")
                .orElse(PerLevel.all(PerLevel.all(1))),
            PerLevel.integersOrLists(f, "reverse_transformer_layers_per_block"),
            f.optionalInteger("encoder_hid_dim", Optional.empty()),
            f.optionalText("encoder_hid_dim_type", Optional.empty()),
            PerLevel.integers(f, "attention_head_dim", 8),
            f.flag("use_linear_projection", false),
            f.optionalText("class_embed_type", Optional.empty()),
            f.optionalText("addition_embed_type", Optional.empty()),
            f.optionalInteger("addition_time_embed_dim", Optional.empty()),
            f.optionalInteger("num_class_embeds", Optional.empty()),
            f.has("upcast_attention") && Boolean.TRUE.equals(f.get("upcast_attention").value()),
            f.text("resnet_time_scale_shift", "default"),
            f.flag("resnet_skip_time_act", false),
            f.number("resnet_out_scale_factor", 1),
            f.text("time_embedding_type", "positional"),
            f.optionalInteger("time_embedding_dim", Optional.empty()),
            f.optionalText("time_embedding_act_fn", Optional.empty()),
            f.optionalText("timestep_post_act", Optional.empty()),
            f.optionalInteger("time_cond_proj_dim", Optional.empty()),
            f.integer("conv_in_kernel", 3),
            f.integer("conv_out_kernel", 3),
            f.optionalInteger("projection_class_embeddings_input_dim", Optional.empty()),
            f.flag("class_embeddings_concat", false),
            f.rest());
    UNet2DConditionRules.check(config);
    return config;
  }

  /** Returns all keys and values of {@code config.json}, sorted as diffusers sorts them. */
  @JsonValue
  public Map<String, Object> toJson() {
    Map<String, Object> json = new TreeMap<>(other);
    json.putIfAbsent("_class_name", "UNet2DConditionModel");
    json.put("sample_size", sampleSize.size() > 1 ? sampleSize : firstOf(sampleSize));
    json.put("in_channels", inChannels);
    json.put("out_channels", outChannels);
    json.put("center_input_sample", centerInputSample);
    json.put("flip_sin_to_cos", flipSinToCos);
    json.put("freq_shift", UNet2DConfig.plain(freqShift));
    json.put("down_block_types", downBlockTypes);
    json.put("mid_block_type", midBlockType.orElse(null));
    json.put("up_block_types", upBlockTypes);
    json.put("only_cross_attention", onlyCrossAttention.toJson());
    json.put("block_out_channels", blockOutChannels);
    json.put("layers_per_block", layersPerBlock.toJson());
    json.put("downsample_padding", downsamplePadding);
    json.put("mid_block_scale_factor", UNet2DConfig.plain(midBlockScaleFactor));
    json.put("dropout", dropout);
    json.put("act_fn", actFn);
    json.put("norm_num_groups", normNumGroups);
    json.put("norm_eps", normEps);
    json.put("cross_attention_dim", crossAttentionDim.toJson());
    json.put("transformer_layers_per_block", transformerLayersPerBlock.toJson());
    json.put(
        "reverse_transformer_layers_per_block",
        reverseTransformerLayersPerBlock.map(PerLevel::toJson).orElse(null));
    json.put("encoder_hid_dim", encoderHidDim.orElse(null));
    json.put("encoder_hid_dim_type", encoderHidDimType.orElse(null));
    json.put("attention_head_dim", attentionHeadDim.toJson());
    json.put("use_linear_projection", useLinearProjection);
    json.put("class_embed_type", classEmbedType.orElse(null));
    json.put("addition_embed_type", additionEmbedType.orElse(null));
    json.put("addition_time_embed_dim", additionTimeEmbedDim.orElse(null));
    json.put("num_class_embeds", numClassEmbeds.orElse(null));
    json.put("upcast_attention", upcastAttention);
    json.put("resnet_time_scale_shift", resnetTimeScaleShift);
    json.put("resnet_skip_time_act", resnetSkipTimeAct);
    json.put("resnet_out_scale_factor", resnetOutScaleFactor);
    json.put("time_embedding_type", timeEmbeddingType);
    json.put("time_embedding_dim", timeEmbeddingDim.orElse(null));
    json.put("time_embedding_act_fn", timeEmbeddingActFn.orElse(null));
    json.put("timestep_post_act", timestepPostAct.orElse(null));
    json.put("time_cond_proj_dim", timeCondProjDim.orElse(null));
    json.put("conv_in_kernel", convInKernel);
    json.put("conv_out_kernel", convOutKernel);
    json.put(
        "projection_class_embeddings_input_dim", projectionClassEmbeddingsInputDim.orElse(null));
    json.put("class_embeddings_concat", classEmbeddingsConcat);
    return json;
  }

  /** Returns this configuration with another value for one key of {@code config.json}. */
  public UNet2DConditionConfig with(String key, Object value) {
    Map<String, Object> json = toJson();
    json.put(key, value);
    return of(json);
  }

  /** The number of levels. */
  int levels() {
    return blockOutChannels.size();
  }

  /** The size of the time embedding. */
  int timeChannels() {
    int factor = timeEmbeddingType.equals("fourier") ? 2 : 4;
    return timeEmbeddingDim.filter(size -> size > 0).orElse(factor * blockOutChannels.get(0));
  }

  /** The residual blocks of level {@code i} on the way down, in a block of this type. */
  Layers layers(int i, String type) {
    int told = classEmbeddingsConcat ? 2 * timeChannels() : timeChannels();
    boolean scaleShift = resnetTimeScaleShift.equals("scale_shift");
    boolean own = type.startsWith("Resnet");
    return new Layers(
        layersPerBlock.get(i),
        new ResnetBlock.Settings(
            normEps, activation(), dropout, told, scaleShift, own && resnetSkipTimeAct),
        own ? resnetOutScaleFactor : 1,
        channels -> normNumGroups);
  }

  /** The blocks of each transformer of level {@code i} on the way down. */
  PerLevel<Integer> depths(int i) {
    return transformerLayersPerBlock.get(i);
  }

  /** The blocks of each transformer of level {@code i} on the way up. */
  PerLevel<Integer> depthsUp(int i) {
    return reverseTransformerLayersPerBlock
        .map(depths -> depths.get(levels() - 1 - i))
        .orElseGet(() -> depths(i));
  }

  /** The transformers of level {@code i}, with so many blocks. */
  Transformer2DModel.Settings transformer(int i, int blocks) {
    return new Transformer2DModel.Settings(
        blocks,
        attentionHeadDim.get(i),
        crossAttentionDim.get(i),
        normNumGroups,
        useLinearProjection,
        onlyCrossAttention.get(i));
  }

  Activation activation() {
    return activation(actFn);
  }

  static Activation activation(String name) {
    return Activation.parse(name.toLowerCase(Locale.ROOT));
  }

  private static Object firstOf(List<Integer> sizes) {
    return sizes.isEmpty() ? null : sizes.get(0);
  }
}
