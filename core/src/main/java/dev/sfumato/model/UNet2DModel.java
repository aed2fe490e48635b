package dev.sfumato.model;

import dev.sfumato.SfumatoException;
import dev.sfumato.nn.Activation;
import dev.sfumato.nn.Conv2d;
import dev.sfumato.nn.Embedding;
import dev.sfumato.nn.GroupNorm;
import dev.sfumato.nn.Module;
import dev.sfumato.tensor.Construction;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * The U-Net of Ho et al. (2020): it maps a noisy picture and its timestep to a prediction of the
 * picture's size, usually the noise. Parameters are named as in diffusers' {@code UNet2DModel}.
 *
 * <p>A new model's weights are not set: {@link #reset} draws start values, {@link #load} reads a
 * checkpoint's.
 */
public final class UNet2DModel extends Module {
  private final Conv2d convIn;
  private final TimeProjection timeProj;
  private final TimeEmbedding timeEmbedding;
  private final Module classEmbedding;
  private final List<DownBlock> downBlocks = new ArrayList<>();
  private final MidBlock midBlock;
  private final List<UpBlock> upBlocks = new ArrayList<>();
  private final GroupNorm convNormOut;
  private final Conv2d convOut;
  private UNet2DConfig config;

  /**
   * @throws SfumatoException naming the key of {@code config} whose value is invalid
   */
  public UNet2DModel(UNet2DConfig config) {
    UNet2DRules.check(config);
    this.config = config;
    List<Integer> channels = config.blockOutChannels();
    int finest = channels.get(0);
    int coarsest = channels.get(channels.size() - 1);
    try (Construction parts = Construction.begin()) {
      convIn = new Conv2d(config.inChannels(), finest, 3, 1, 1);
      timeProj = TimeProjection.of(config);
      timeEmbedding = new TimeEmbedding(timeProj.size(), config.timeChannels(), Activation.SILU);
      classEmbedding = classEmbedding(config, timeProj.size());
      addBlocks(config, channels);
      midBlock = config.midBlockType().isPresent() ? MidBlock.of(config, coarsest) : null;
      convNormOut = new GroupNorm(config.groups(finest), finest, config.normEps());
      convOut = new Conv2d(finest, config.outChannels(), 3, 1, 1);
      parts.complete();
    }
  }

  private static Module classEmbedding(UNet2DConfig config, int projected) {
    int size = config.timeChannels();
    return switch (config.classEmbedType().orElse("")) {
      case "timestep" -> new TimeEmbedding(projected, size, Activation.SILU);
      case "identity" -> null;
      default -> config.numClassEmbeds().map(n -> new Embedding(n, size)).orElse(null);
    };
  }

  private void addBlocks(UNet2DConfig config, List<Integer> channels) {
    int last = channels.size() - 1;
    for (int i = 0; i <= last; i++) {
      int in = channels.get(Math.max(i - 1, 0));
      DownBlock.Place place = new DownBlock.Place(in, channels.get(i), i == last);
      downBlocks.add(DownBlock.of(config.downBlock(i), config, place));
    }
    for (int i = 0; i <= last; i++) {
      int level = last - i;
      UpBlock.Place place =
          new UpBlock.Place(
              channels.get(Math.max(level - 1, 0)),
              channels.get(Math.min(level + 1, last)),
              channels.get(level),
              level == 0);
      upBlocks.add(UpBlock.of(config.upBlock(i), config, place));
    }
  }

  /** The model's configuration. */
  public UNet2DConfig config() {
    return config;
  }

  /** Changes the size of the pictures in the configuration, in pixels. */
  void sampleSize(int height, int width) {
    config = config.with("sample_size", height == width ? height : List.of(height, width));
  }

  /**
   * Predicts without a class.
   *
   * @param sample noisy pictures (B, in_channels, H, W), usually in [-1, 1] plus noise
   * @param timestep (B), or (1) for all: int64 steps or float32 noise levels
   * @return (B, out_channels, H, W)
   * @throws SfumatoException if a shape does not fit or the model needs classes
   */
  public Tensor forward(Tensor sample, Tensor timestep) {
    if (takesClasses()) {
      throw new SfumatoException("the model is class-conditioned: class labels are missing");
    }
    requireShape(sample);
    return Scope.run(() -> predict(sample, time(sample, timestep), timestep));
  }

  /**
   * Predicts for a class.
   *
   * @param sample noisy pictures (B, in_channels, H, W)
   * @param timestep (B), or (1) for all: int64 steps or float32 noise levels
   * @param classLabels (B) int64 with {@code num_class_embeds}; (B) with {@code class_embed_type}
   *     {@code timestep}; (B, time embedding's size) float32 with {@code identity}
   * @return (B, out_channels, H, W)
   * @throws SfumatoException if a shape does not fit, a label is out of range or the model has no
   *     classes
   */
  public Tensor forward(Tensor sample, Tensor timestep, Tensor classLabels) {
    if (!takesClasses()) {
      throw new SfumatoException(
          "class labels were given to a model without num_class_embeds and class_embed_type");
    }
    requireShape(sample);
    return Scope.run(
        () -> predict(sample, time(sample, timestep).add(classes(sample, classLabels)), timestep));
  }

  private boolean takesClasses() {
    return config.classEmbedType().isPresent() || config.numClassEmbeds().isPresent();
  }

  private void requireShape(Tensor sample) {
    if (sample.dim() != 4 || sample.size(1) != config.inChannels()) {
      throw wrongShape("a sample", "(B, " + config.inChannels() + ", H, W)", sample);
    }
    config.requireDivisible(sample.size(2), sample.size(3));
  }

  private Tensor time(Tensor sample, Tensor timestep) {
    return timeEmbedding.forward(timeProj.forward(perPicture(sample, timestep, "timesteps")));
  }

  /** Expands to one number for each picture: (B). */
  private static Tensor perPicture(Tensor sample, Tensor numbers, String what) {
    long pictures = sample.size(0);
    if (numbers.numel() != 1 && (numbers.dim() != 1 || numbers.size(0) != pictures)) {
      throw wrongShape(what, "(" + pictures + ")", numbers);
    }
    return numbers.to(sample.device()).reshape(-1).expand(pictures);
  }

  private Tensor classes(Tensor sample, Tensor labels) {
    if (classEmbedding instanceof Embedding table) {
      Tensor perPicture = perPicture(sample, labels, "class labels");
      Index.require(labels, config.numClassEmbeds().orElseThrow(), "class", "num_class_embeds");
      return table.forward(perPicture);
    }
    if (classEmbedding instanceof TimeEmbedding embedding) {
      return embedding.forward(timeProj.forward(perPicture(sample, labels, "class labels")));
    }
    if (labels.dim() != 2
        || labels.size(0) != sample.size(0)
        || labels.size(1) != config.timeChannels()) {
      throw wrongShape(
          "class labels", "(" + sample.size(0) + ", " + config.timeChannels() + ")", labels);
    }
    return labels.to(sample.device());
  }

  private static SfumatoException wrongShape(String what, String expected, Tensor given) {
    return new SfumatoException(
        String.format(
            Locale.ROOT,
            "the U-Net takes %s of shape %s, not %s",
            what,
            expected,
            Arrays.toString(given.shape())));
  }

  private Tensor predict(Tensor sample, Tensor time, Tensor timestep) {
    Tensor input = config.centerInputSample() ? sample.mul(2).sub(1) : sample;
    Told told = Told.of(time);
    Skips skips = new Skips(input);
    Tensor x = skips.push(convIn.forward(input));
    for (DownBlock block : downBlocks) {
      x = block.forward(x, told, skips);
    }
    if (midBlock != null) {
      x = midBlock.forward(x, told);
    }
    skips.forgetPicture();
    for (UpBlock block : upBlocks) {
      x = block.forward(x, told, skips);
    }
    x = convOut.forwardOf(in -> Activation.SILU.consume(convNormOut.forward(in)), x);
    if (skips.picture().isPresent()) {
      x = x.add(skips.picture().get());
    }
    if (config.timeEmbeddingType().equals("fourier")) {
      x = x.div(perPicture(sample, timestep, "timesteps").reshape(-1, 1, 1, 1));
    }
    return x;
  }

  /**
   * Renames the weights of an old checkpoint, such as google/ddpm-cifar10-32, to today's names:
   * {@code query}, {@code key}, {@code value} and {@code proj_attn} of attention layers become
   * {@code to_q}, {@code to_k}, {@code to_v} and {@code to_out.0}. Other weights keep their names.
   */
  public static Map<String, Tensor> modernNames(Map<String, Tensor> weights) {
    Map<String, Tensor> renamed = new LinkedHashMap<>();
    weights.forEach((name, weight) -> renamed.put(modernName(name), weight));
    return renamed;
  }

  private static String modernName(String name) {
    return name.contains("attentions.")
        ? name.replace(".query.", ".to_q.")
            .replace(".key.", ".to_k.")
            .replace(".value.", ".to_v.")
            .replace(".proj_attn.", ".to_out.0.")
        : name;
  }
}
