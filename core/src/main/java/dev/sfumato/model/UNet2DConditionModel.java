package dev.sfumato.model;

import dev.sfumato.SfumatoException;
import dev.sfumato.nn.Activation;
import dev.sfumato.nn.Conv2d;
import dev.sfumato.nn.Embedding;
import dev.sfumato.nn.GroupNorm;
import dev.sfumato.nn.Linear;
import dev.sfumato.nn.Module;
import dev.sfumato.tensor.Autocast;
import dev.sfumato.tensor.Construction;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * The U-Net of Rombach et al. (2022) that reads a text: it maps noisy latents, their timestep and
 * the states of a text encoder to a prediction of the latents' size. Parameters are named as in
 * diffusers' {@code UNet2DConditionModel}.
 *
 * <p>A new model's weights are not set: {@link #reset} draws start values, {@link #load} reads a
 * checkpoint's.
 */
public final class UNet2DConditionModel extends Module {
  private final Conv2d convIn;
  private final TimeProjection timeProj;
  private final TimeEmbedding timeEmbedding;
  private final Linear encoderHidProj;
  private final Module classEmbedding;
  private final TimeEmbedding addEmbedding;
  private final List<DownBlock> downBlocks = new ArrayList<>();
  private final List<UpBlock> upBlocks = new ArrayList<>();
  private final MidBlock midBlock;
  private final GroupNorm convNormOut;
  private final Conv2d convOut;
  private final UNet2DConditionConfig config;

  /**
   * @throws SfumatoException naming the key of {@code config} whose value is invalid
   */
  public UNet2DConditionModel(UNet2DConditionConfig config) {
    UNet2DConditionRules.check(config);
    this.config = config;
    int finest = config.blockOutChannels().get(0);
    int time = config.timeChannels();
    try (Construction parts = Construction.begin()) {
      convIn = convolution(config.inChannels(), finest, config.convInKernel());
      timeProj = TimeProjection.of(config);
      timeEmbedding =
          new TimeEmbedding(
              timeProj.size(), time, config.activation(), config.timeCondProjDim().orElse(0));
      encoderHidProj =
          config
              .encoderHidDim()
              .map(text -> new Linear(text, config.crossAttentionDim().get(0)))
              .orElse(null);
      classEmbedding = classEmbedding(config, timeProj.size());
      addEmbedding =
          config.additionEmbedType().isEmpty() ? null : projection(config, Activation.SILU);
      ConditionBlocks blocks = new ConditionBlocks(config);
      for (int i = 0; i < config.levels(); i++) {
        downBlocks.add(blocks.down(i));
        upBlocks.add(blocks.up(i));
      }
      midBlock = blocks.middle().orElse(null);
      convNormOut = new GroupNorm(config.normNumGroups(), finest, config.normEps());
      convOut = convolution(finest, config.outChannels(), config.convOutKernel());
      parts.complete();
    }
  }

  private static Conv2d convolution(int in, int out, int kernel) {
    return new Conv2d(in, out, kernel, 1, kernel / 2);
  }

  private static Module classEmbedding(UNet2DConditionConfig config, int projected) {
    int size = config.timeChannels();
    return switch (config.classEmbedType().orElse("")) {
      case "timestep" -> new TimeEmbedding(projected, size, config.activation());
      case "projection" -> projection(config, Activation.SILU);
      case "simple_projection" ->
          new Linear(config.projectionClassEmbeddingsInputDim().orElseThrow(), size);
      case "identity" -> null;
      default -> config.numClassEmbeds().map(n -> new Embedding(n, size)).orElse(null);
    };
  }

  private static TimeEmbedding projection(UNet2DConditionConfig config, Activation activation) {
    return new TimeEmbedding(
        config.projectionClassEmbeddingsInputDim().orElseThrow(),
        config.timeChannels(),
        activation);
  }

  /** The model's configuration. */
  public UNet2DConditionConfig config() {
    return config;
  }

  /**
   * Predicts from noisy latents.
   *
   * @param sample noisy latents (B, in_channels, H, W), including {@link Condition#channels}
   * @param timestep (B), or (1) for all: int64 steps or float32 noise levels
   * @param condition the text's states as {@link Condition#tokens} (B, N, cross_attention_dim);
   *     with {@code text_time} also the pooled text as {@link Condition#vector} and {@link
   *     Condition#sizes}; with classes {@link Condition#labels} or, if they are projected, {@link
   *     Condition#vector}; each has B rows, or one for all
   * @return (B, out_channels, H, W)
   * @throws SfumatoException if a shape does not fit or an input is missing
   */
  public Tensor forward(Tensor sample, Tensor timestep, Condition condition) {
    requireShape(sample);
    return Scope.run(() -> predict(sample, timestep, condition.rows(0, sample.size(0))));
  }

  private void requireShape(Tensor sample) {
    if (sample.dim() != 4 || sample.size(1) != config.inChannels()) {
      throw new SfumatoException(
          String.format(
              Locale.ROOT,
              "the U-Net takes a sample of shape (B, %d, H, W), not %s",
              config.inChannels(),
              Arrays.toString(sample.shape())));
    }
  }

  private Tensor predict(Tensor sample, Tensor timestep, Condition condition) {
    Told told = told(sample, timestep, condition);
    Tensor input = config.centerInputSample() ? sample.mul(2).sub(1) : sample;
    Skips skips = new Skips(input);
    Tensor x = skips.push(convIn.forward(input));
    for (DownBlock block : downBlocks) {
      x = block.forward(x, told, skips);
    }
    if (midBlock != null) {
      x = midBlock.forward(x, told);
    }
    for (UpBlock block : upBlocks) {
      x = block.forward(x, told, skips);
    }
    return convOut.forwardOf(in -> config.activation().apply(convNormOut.forward(in)), x);
  }

  private Told told(Tensor sample, Tensor timestep, Condition condition) {
    Tensor time = time(sample, timestep, condition);
    Tensor classes = classes(condition);
    if (classes != null) {
      time =
          config.classEmbeddingsConcat()
              ? Tensor.cat(List.of(time, classes), 1)
              : time.add(classes);
    }
    if (addEmbedding != null) {
      time = time.add(addEmbedding.forward(sizes(condition)));
    }
    if (config.timeEmbeddingActFn().isPresent()) {
      time = UNet2DConditionConfig.activation(config.timeEmbeddingActFn().get()).apply(time);
    }
    return new Told(time, tokens(condition), known(condition));
  }

  private Tensor time(Tensor sample, Tensor timestep, Condition condition) {
    Tensor steps = timestep.to(sample.device()).reshape(-1).expand(sample.size(0));
    Tensor projected = timeProj.forward(steps);
    Tensor time =
        config.timeCondProjDim().isPresent() && condition.guidance().isPresent()
            ? timeEmbedding.forward(projected, condition.guidance().get())
            : timeEmbedding.forward(projected);
    return config
        .timestepPostAct()
        .map(name -> UNet2DConditionConfig.activation(name).apply(time))
        .orElse(time);
  }

  /** Returns the embedding of the classes, or null in a model without them. */
  private Tensor classes(Condition condition) {
    if (classEmbedding instanceof Embedding table) {
      Tensor labels = labels(condition);
      Index.require(labels, config.numClassEmbeds().orElseThrow(), "class", "num_class_embeds");
      return table.forward(labels);
    }
    return switch (config.classEmbedType().orElse("")) {
      case "timestep" ->
          ((TimeEmbedding) classEmbedding).forward(timeProj.forward(labels(condition)));
      case "projection" ->
          ((TimeEmbedding) classEmbedding).forward(vector(condition, "class_embed_type"));
      case "simple_projection" ->
          ((Linear) classEmbedding).forward(vector(condition, "class_embed_type"));
      case "identity" -> vector(condition, "class_embed_type");
      default -> null;
    };
  }

  private Tensor labels(Condition condition) {
    return condition.labels().orElseThrow(() -> missing("a class", "its classes"));
  }

  private Tensor vector(Condition condition, String key) {
    return condition.vector().orElseThrow(() -> missing("a vector", key));
  }

  /** Joins the pooled text and the sinusoids of each of the numbers. */
  private Tensor sizes(Condition condition) {
    Tensor pooled = vector(condition, "addition_embed_type");
    Tensor numbers =
        condition.sizes().orElseThrow(() -> missing("the size", "addition_embed_type"));
    Tensor embedded =
        new TimeProjection.Positional(
                config.additionTimeEmbedDim().orElseThrow(),
                config.freqShift(),
                config.flipSinToCos())
            .forward(numbers.reshape(-1))
            .reshape(pooled.size(0), -1);
    Tensor both = Tensor.cat(List.of(pooled, embedded), 1);
    int expected = config.projectionClassEmbeddingsInputDim().orElseThrow();
    if (both.size(1) != expected) {
      throw new SfumatoException(
          String.format(
                  Locale.ROOT,
                  "a pooled text of %d numbers and %d embedded sizes make %d, but",
                  pooled.size(1),
                  numbers.size(1),
                  both.size(1))
              + " projection_class_embeddings_input_dim is "
              + expected);
    }
    return both;
  }

  private Tensor tokens(Condition condition) {
    Tensor tokens = condition.tokens().orElseThrow(() -> missing("a text", "cross-attention"));
    int expected = config.encoderHidDim().orElse(config.crossAttentionDim().get(0));
    if (tokens.size(2) != expected) {
      throw new SfumatoException(
          String.format(
              Locale.ROOT,
              "the text has states of %d numbers, but the U-Net reads %d: use the U-Net's "
                  + "own text encoder",
              tokens.size(2),
              expected));
    }
    return encoderHidProj == null ? tokens : encoderHidProj.forward(tokens);
  }

  private static SfumatoException missing(String what, String why) {
    return new SfumatoException("the U-Net was not given " + what + ", which it needs for " + why);
  }

  // ---- results that do not depend on the step

  /**
   * Returns the same condition with the keys and values that cross-attention computes from its
   * tokens, which are the same at each step. They belong to the current scope.
   */
  public Condition prepare(Condition condition) {
    if (condition.tokens().isEmpty()) {
      return condition;
    }
    try (Scope scope = Scope.open();
        Autocast region = Autocast.open(precision())) {
      Tensor tokens = tokens(condition);
      List<Tensor> memory = new ArrayList<>();
      for (TokenAttention layer : readers()) {
        TokenAttention.Memory made = layer.remember(tokens);
        memory.add(scope.keep(made.keys().contiguous()));
        memory.add(scope.keep(made.values().contiguous()));
      }
      return condition.withMemory(memory);
    }
  }

  private Map<TokenAttention, TokenAttention.Memory> known(Condition condition) {
    List<Tensor> memory = condition.memory();
    Map<TokenAttention, TokenAttention.Memory> known = new IdentityHashMap<>();
    if (!memory.isEmpty()) {
      List<TokenAttention> readers = readers();
      for (int i = 0; i < readers.size(); i++) {
        known.put(
            readers.get(i), new TokenAttention.Memory(memory.get(2 * i), memory.get(2 * i + 1)));
      }
    }
    return known;
  }

  private List<TokenAttention> readers() {
    return parts(TokenAttention.class).stream().filter(TokenAttention::readsText).toList();
  }
}
