package dev.sfumato.model;

import dev.sfumato.nn.Module;
import dev.sfumato.tensor.Autograd;
import dev.sfumato.tensor.DType;
import dev.sfumato.tensor.Functional;
import dev.sfumato.tensor.Rng;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.util.List;

/** Projects times (B), float32 or int64, to vectors (B, {@link #size}). */
sealed interface TimeProjection {
  Tensor forward(Tensor times);

  int size();

  static TimeProjection of(UNet2DConfig config) {
    int channels = config.blockOutChannels().get(0);
    return switch (config.timeEmbeddingType()) {
      case "positional" -> new Positional(channels, config.freqShift(), config.flipSinToCos());
      case "fourier" -> new Fourier(channels, true, false);
      case "learned" -> new Learned(config.numTrainTimesteps().orElse(0), channels);
      default -> throw new IllegalArgumentException(config.timeEmbeddingType());
    };
  }

  static TimeProjection of(UNet2DConditionConfig config) {
    return config.timeEmbeddingType().equals("fourier")
        ? new Fourier(config.timeChannels() / 2, false, config.flipSinToCos())
        : new Positional(
            config.blockOutChannels().get(0), config.freqShift(), config.flipSinToCos());
  }

  private static Tensor joined(Tensor angles, boolean cosFirst) {
    Tensor sin = angles.sin();
    Tensor cos = angles.cos();
    return Tensor.cat(cosFirst ? List.of(cos, sin) : List.of(sin, cos), 1);
  }

  /**
   * Sines and cosines of {@code t w_i}, {@code w_i = 10000^(-i / (n - shift))}, n half the size
   * (Vaswani et al., 2017).
   */
  record Positional(int size, double shift, boolean cosFirst) implements TimeProjection {
    @Override
    public Tensor forward(Tensor times) {
      try (Scope scope = Scope.open()) {
        int half = size / 2;
        Tensor exponents =
            Tensor.arange(times.device(), half).to(DType.FLOAT32).mul(-Math.log(10000));
        Tensor frequencies = exponents.div(half - shift).exp();
        Tensor angles = times.to(DType.FLOAT32).unsqueeze(1).mul(frequencies);
        Tensor both = joined(angles, cosFirst);
        return scope.keep(size % 2 == 0 ? both : Functional.pad(both, 0, 1));
      }
    }
  }

  /**
   * Sines and cosines of {@code 2 pi w log(t)}, or of {@code 2 pi w t}, with fixed random {@code w
   * ~ N(0, 16^2)}, for continuous noise levels t (Song et al., 2021).
   */
  final class Fourier extends Module implements TimeProjection {
    private final Tensor weight;
    private final boolean log;
    private final boolean cosFirst;

    Fourier(int channels, boolean log, boolean cosFirst) {
      weight = buffer(channels);
      this.log = log;
      this.cosFirst = cosFirst;
    }

    @Override
    public Tensor forward(Tensor times) {
      try (Scope scope = Scope.open()) {
        Tensor level = times.to(DType.FLOAT32);
        Tensor t = log ? level.log() : level;
        Tensor angles = t.unsqueeze(1).mul(weight).mul(2).mul(Math.PI);
        return scope.keep(joined(angles, cosFirst));
      }
    }

    @Override
    public int size() {
      return (int) (2 * weight.numel());
    }

    @Override
    protected void resetOwn(Rng rng) {
      try (Scope scope = Scope.open()) {
        weight.copy_(rng.normal(weight.shape()).mul(16));
      }
    }
  }

  /** A learned vector for each timestep. */
  final class Learned extends Module implements TimeProjection {
    private final Tensor weight;

    Learned(int timesteps, int channels) {
      weight = parameter(timesteps, channels);
    }

    @Override
    public Tensor forward(Tensor times) {
      Index.require(times, weight.size(0), "timestep", "num_train_timesteps");
      return Scope.run(() -> Functional.embedding(weight, times.to(DType.INT64)));
    }

    @Override
    public int size() {
      return (int) weight.size(1);
    }

    @Override
    protected void resetOwn(Rng rng) {
      try (Scope scope = Scope.open();
          Autograd.Recording off = Autograd.off()) {
        weight.copy_(rng.normal(weight.shape()));
      }
    }
  }
}
