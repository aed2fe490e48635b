package dev.sfumato.model;

import dev.sfumato.SfumatoException;
import dev.sfumato.nn.Activation;
import dev.sfumato.nn.Conv2d;
import dev.sfumato.nn.Module;
import dev.sfumato.nn.Name;
import dev.sfumato.tensor.Construction;
import dev.sfumato.tensor.Functional;
import dev.sfumato.tensor.Rng;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/**
 * A small autoencoder for the latents of a large one (TAESD, <a
 * href="https://github.com/madebyollin/taesd">github.com/madebyollin/taesd</a>), for previews and
 * as a cheap decoder for guides. Its latents are those of the diffusion model, scaled already.
 * Parameters are named as in diffusers' {@code AutoencoderTiny}.
 */
public final class AutoencoderTiny extends Module implements PictureSpace {
  private final Stack encoder;
  private final Stack decoder;
  private final AutoencoderTinyConfig config;

  /** Makes a network without set weights; {@link #reset} or {@link #load} sets them. */
  public AutoencoderTiny(AutoencoderTinyConfig config) {
    this.config = config;
    try (Construction parts = Construction.begin()) {
      encoder = Stack.encoder(config);
      decoder = Stack.decoder(config);
      parts.complete();
    }
  }

  /** The model's configuration. */
  public AutoencoderTinyConfig config() {
    return config;
  }

  @Override
  public int scale() {
    return config.enlargement();
  }

  /** Maps pictures (B, in_channels, H, W) in [-1, 1] to latents; draws nothing. */
  @Override
  public Tensor encode(Tensor pictures, Rng random) {
    return encode(pictures);
  }

  /** Maps pictures (B, in_channels, H, W) in [-1, 1] to latents. */
  public Tensor encode(Tensor pictures) {
    return Scope.run(() -> encoder.forward(pictures.add(1).div(2)).mul(config.scalingFactor()));
  }

  /**
   * Maps latents (B, latent_channels, H, W) to pictures, around [-1, 1] but not clamped.
   *
   * @throws SfumatoException if the shape does not fit
   */
  @Override
  public Tensor decode(Tensor latents) {
    if (latents.dim() != 4 || latents.size(1) != config.latentChannels()) {
      throw new SfumatoException(
          String.format(
              Locale.ROOT,
              "the tiny autoencoder takes latents of shape (B, %d, H, W), not %s",
              config.latentChannels(),
              Arrays.toString(latents.shape())));
    }
    return Scope.run(
        () -> {
          Tensor own = latents.div(config.scalingFactor());
          return decoder.forward(own.div(3).tanh().mul(3)).mul(2).sub(1);
        });
  }

  /** A layer of a stack. */
  private sealed interface Layer {
    Tensor forward(Tensor x);
  }

  /** A convolution with a 3 x 3 kernel. */
  private static final class Convolution extends Module implements Layer {
    @Name("")
    private final Conv2d conv;

    Convolution(int in, int out, int stride, boolean withBias) {
      conv = new Conv2d(in, out, 3, stride, 1, withBias);
    }

    @Override
    public Tensor forward(Tensor x) {
      return conv.forward(x);
    }
  }

  private record Activated(Activation activation) implements Layer {
    @Override
    public Tensor forward(Tensor x) {
      return activation.apply(x);
    }
  }

  private record Enlarged(int factor) implements Layer {
    @Override
    public Tensor forward(Tensor x) {
      return Functional.upsampleNearest(x, factor * x.size(2), factor * x.size(3));
    }
  }

  /** {@code relu(x + conv(act(conv(act(conv(x))))))}. */
  private static final class Block extends Module implements Layer {
    private final List<Layer> conv;

    Block(int channels, Activation activation) {
      conv =
          List.of(
              new Convolution(channels, channels, 1, true),
              new Activated(activation),
              new Convolution(channels, channels, 1, true),
              new Activated(activation),
              new Convolution(channels, channels, 1, true));
    }

    @Override
    public Tensor forward(Tensor x) {
      return Scope.run(
          () -> {
            Tensor h = x;
            for (Layer layer : conv) {
              h = layer.forward(h);
            }
            return Functional.relu(h.add(x));
          });
    }
  }

  /** A sequence of layers. */
  private static final class Stack extends Module {
    private final List<Layer> layers;

    private Stack(List<Layer> layers) {
      this.layers = layers;
    }

    static Stack encoder(AutoencoderTinyConfig config) {
      List<Layer> layers = new ArrayList<>();
      List<Integer> channels = config.encoderBlockOutChannels();
      for (int i = 0; i < channels.size(); i++) {
        int width = channels.get(i);
        layers.add(
            i == 0
                ? new Convolution(config.inChannels(), width, 1, true)
                : new Convolution(width, width, 2, false));
        for (int block = 0; block < config.numEncoderBlocks().get(i); block++) {
          layers.add(new Block(width, config.activation()));
        }
      }
      int last = channels.get(channels.size() - 1);
      layers.add(new Convolution(last, config.latentChannels(), 1, true));
      return new Stack(layers);
    }

    static Stack decoder(AutoencoderTinyConfig config) {
      List<Layer> layers = new ArrayList<>();
      List<Integer> channels = config.decoderBlockOutChannels();
      int last = channels.size() - 1;
      layers.add(new Convolution(config.latentChannels(), channels.get(0), 1, true));
      layers.add(new Activated(config.activation()));
      for (int i = 0; i <= last; i++) {
        int width = channels.get(i);
        for (int block = 0; block < config.numDecoderBlocks().get(i); block++) {
          layers.add(new Block(width, config.activation()));
        }
        if (i < last) {
          layers.add(new Enlarged(config.upsamplingScalingFactor()));
        }
        layers.add(new Convolution(width, i < last ? width : config.outChannels(), 1, i == last));
      }
      return new Stack(layers);
    }

    Tensor forward(Tensor x) {
      try (Scope scope = Scope.open()) {
        Tensor h = layers.get(0).forward(x);
        for (Layer layer : layers.subList(1, layers.size())) {
          Tensor before = h;
          h =
              scope.replace(
                  before,
                  layer instanceof Module module
                      ? checkpointed(in -> layer.forward(in.get(0)), before)
                      : layer.forward(before));
        }
        return scope.keep(h);
      }
    }
  }
}
