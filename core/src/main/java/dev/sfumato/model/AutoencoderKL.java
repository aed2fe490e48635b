package dev.sfumato.model;

import dev.sfumato.SfumatoException;
import dev.sfumato.io.JsonFile;
import dev.sfumato.nn.Activation;
import dev.sfumato.nn.Conv2d;
import dev.sfumato.nn.GroupNorm;
import dev.sfumato.nn.Module;
import dev.sfumato.tensor.Autograd;
import dev.sfumato.tensor.Constant;
import dev.sfumato.tensor.Construction;
import dev.sfumato.tensor.DType;
import dev.sfumato.tensor.Safetensors;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.UnaryOperator;

/**
 * The autoencoder of Rombach et al. (2022): it maps pictures to latents of a fraction of their
 * size, and back. Parameters are named as in diffusers' {@code AutoencoderKL}.
 *
 * <p>Latents here are the network's own; a diffusion model works on {@link #scale scaled} latents.
 */
public final class AutoencoderKL extends Module {
  private final Encoder encoder;
  private final Decoder decoder;
  private final Conv2d quantConv;
  private final Conv2d postQuantConv;
  private AutoencoderKLConfig config;

  /** Makes a network without set weights; {@link #reset} or {@link #load} sets them. */
  public AutoencoderKL(AutoencoderKLConfig config) {
    this.config = config;
    int latents = config.latentChannels();
    try (Construction parts = Construction.begin()) {
      encoder = new Encoder(config);
      decoder = new Decoder(config);
      quantConv = config.useQuantConv() ? new Conv2d(2L * latents, 2L * latents, 1, 1, 0) : null;
      postQuantConv = config.usePostQuantConv() ? new Conv2d(latents, latents, 1, 1, 0) : null;
      parts.complete();
    }
  }

  /** The model's configuration. */
  public AutoencoderKLConfig config() {
    return config;
  }

  /**
   * Sets the scaling factor of a newly trained model to the inverse of the standard deviation of
   * {@code latents}, so that scaled latents have a deviation of 1.
   */
  public void scaleTo(Tensor latents) {
    try (Scope scope = Scope.open()) {
      config = config.with("scaling_factor", 1 / latents.reshape(-1).std(false, 0).item());
    }
  }

  /** Writes {@code config.json} and the weights into {@code folder}, such as {@code vae}. */
  public void save(Path folder) {
    JsonFile.write(folder.resolve("config.json"), config);
    Safetensors.write(
        folder.resolve("diffusion_pytorch_model.safetensors"),
        parameters(),
        Map.of("format", "pt"),
        DType.FLOAT32);
  }

  /**
   * Encodes pictures.
   *
   * @param pictures (B, in_channels, H, W) in [-1, 1], H and W multiples of the {@link
   *     AutoencoderKLConfig#reduction}
   * @return distributions over latents (B, latent_channels, H / reduction, W / reduction)
   * @throws SfumatoException if a shape does not fit
   */
  public Posterior encode(Tensor pictures) {
    requireShape("a picture", pictures, config.inChannels());
    return Posterior.of(onEach(pictures, this::encodeOne));
  }

  /**
   * Decodes latents.
   *
   * @param latents (B, latent_channels, H, W), not scaled
   * @return (B, out_channels, H reduction, W reduction), around [-1, 1] but not clamped
   * @throws SfumatoException if a shape does not fit
   */
  public Tensor decode(Tensor latents) {
    requireShape("latents", latents, config.latentChannels());
    return onEach(latents, this::decodeOne);
  }

  /**
   * Encodes in overlapping tiles, which needs less memory and differs slightly from {@link
   * #encode}.
   */
  public Posterior encodeTiled(Tensor pictures) {
    requireShape("a picture", pictures, config.inChannels());
    int tile = config.sampleSize();
    Tiles tiles = new Tiles(tile, tile / config.reduction());
    return Posterior.of(onEach(pictures, x -> tiles.apply(x, this::encodeOne)));
  }

  /**
   * Decodes in overlapping tiles, which needs less memory and differs slightly from {@link
   * #decode}.
   */
  public Tensor decodeTiled(Tensor latents) {
    requireShape("latents", latents, config.latentChannels());
    int tile = config.sampleSize();
    Tiles tiles = new Tiles(tile / config.reduction(), tile);
    return onEach(latents, x -> tiles.apply(x, this::decodeOne));
  }

  /**
   * Applies {@code use} to one picture at a time: pictures are large, and batches are hardly
   * faster. While gradients of the weights are recorded, small pictures go together.
   */
  private Tensor onEach(Tensor batch, UnaryOperator<Tensor> use) {
    if (!trainable().isEmpty() && Autograd.recording()) {
      return use.apply(batch);
    }
    try (Scope scope = Scope.open()) {
      List<Tensor> results = new ArrayList<>();
      for (long i = 0; i < batch.size(0); i++) {
        Tensor one = batch.narrow(0, i, 1);
        results.add(Scope.run(() -> use.apply(one)));
      }
      return scope.keep(results.size() == 1 ? results.get(0) : Tensor.cat(results, 0));
    }
  }

  private Tensor encodeOne(Tensor picture) {
    Tensor moments = encoder.forward(picture);
    return quantConv == null ? moments : quantConv.forward(moments);
  }

  private Tensor decodeOne(Tensor latents) {
    return decoder.forward(postQuantConv == null ? latents : postQuantConv.forward(latents));
  }

  /** Scales latents for a diffusion model: {@code (z - mean) factor / deviation}. */
  public Tensor scale(Tensor latents) {
    return Scope.run(
        () -> {
          Tensor centred = latents.sub(config.shiftFactor().orElse(0.0));
          return config.latentsMean().isEmpty()
              ? centred.mul(config.scalingFactor())
              : centred
                  .sub(perChannel(config.latentsMean(), latents))
                  .mul(config.scalingFactor())
                  .div(perChannel(config.latentsStd(), latents));
        });
  }

  /** Undoes {@link #scale}. */
  public Tensor unscale(Tensor latents) {
    return Scope.run(
        () -> {
          Tensor plain =
              config.latentsMean().isEmpty()
                  ? latents.div(config.scalingFactor())
                  : latents
                      .mul(perChannel(config.latentsStd(), latents))
                      .div(config.scalingFactor())
                      .add(perChannel(config.latentsMean(), latents));
          return plain.add(config.shiftFactor().orElse(0.0));
        });
  }

  private static Tensor perChannel(List<Double> values, Tensor like) {
    float[] numbers = new float[values.size()];
    for (int i = 0; i < numbers.length; i++) {
      numbers[i] = values.get(i).floatValue();
    }
    return Constant.on(like.device(), numbers, 1, numbers.length, 1, 1);
  }

  private void requireShape(String what, Tensor x, int channels) {
    if (x.dim() != 4 || x.size(1) != channels || x.size(0) == 0) {
      throw new SfumatoException(
          String.format(
              Locale.ROOT,
              "the autoencoder takes %s of shape (B, %d, H, W), not %s",
              what,
              channels,
              Arrays.toString(x.shape())));
    }
  }

  /** Maps pictures to the moments of latents. */
  private static final class Encoder extends Module {
    private final Conv2d convIn;
    private final List<AutoencoderLevel> downBlocks = new ArrayList<>();
    private final MidBlock midBlock;
    private final GroupNorm convNormOut;
    private final Conv2d convOut;

    Encoder(AutoencoderKLConfig config) {
      List<Integer> channels = config.blockOutChannels();
      int last = channels.size() - 1;
      convIn = new Conv2d(config.inChannels(), channels.get(0), 3, 1, 1);
      for (int i = 0; i <= last; i++) {
        int in = channels.get(Math.max(i - 1, 0));
        Layers layers = config.layers(config.layersPerBlock());
        downBlocks.add(AutoencoderLevel.down(layers, in, channels.get(i), i < last));
      }
      midBlock = middle(config, channels.get(last));
      convNormOut = new GroupNorm(config.normNumGroups(), channels.get(last), config.epsilon());
      convOut = new Conv2d(channels.get(last), 2L * config.latentChannels(), 3, 1, 1);
    }

    Tensor forward(Tensor pictures) {
      Tensor h = convIn.forward(pictures);
      for (AutoencoderLevel level : downBlocks) {
        h = level.forward(h);
      }
      h = midBlock.forward(h, Told.NOTHING);
      return convOut.forwardOf(in -> Activation.SILU.consume(convNormOut.forward(in)), h);
    }
  }

  /** Maps latents to pictures. */
  private static final class Decoder extends Module {
    private final Conv2d convIn;
    private final MidBlock midBlock;
    private final List<AutoencoderLevel> upBlocks = new ArrayList<>();
    private final GroupNorm convNormOut;
    private final Conv2d convOut;

    Decoder(AutoencoderKLConfig config) {
      List<Integer> channels = config.blockOutChannels();
      int last = channels.size() - 1;
      convIn = new Conv2d(config.latentChannels(), channels.get(last), 3, 1, 1);
      midBlock = middle(config, channels.get(last));
      for (int i = last; i >= 0; i--) {
        int in = channels.get(Math.min(i + 1, last));
        Layers layers = config.layers(config.layersPerBlock() + 1);
        upBlocks.add(AutoencoderLevel.up(layers, in, channels.get(i), i > 0));
      }
      convNormOut = new GroupNorm(config.normNumGroups(), channels.get(0), config.epsilon());
      convOut = new Conv2d(channels.get(0), config.outChannels(), 3, 1, 1);
    }

    Tensor forward(Tensor latents) {
      Tensor h = midBlock.forward(convIn.forward(latents), Told.NOTHING);
      for (AutoencoderLevel level : upBlocks) {
        h = level.forward(h);
      }
      return convOut.forwardOf(in -> Activation.SILU.consume(convNormOut.forward(in)), h);
    }
  }

  private static MidBlock middle(AutoencoderKLConfig config, int channels) {
    Layers layers = config.layers(2);
    return new MidBlock(
        MidBlock.resnets(2, layers, channels, 1),
        config.midBlockAddAttention()
            ? List.of(
                Attention.oneHead(
                    channels, new GroupNorm(config.normNumGroups(), channels, config.epsilon())))
            : List.of());
  }
}
