package dev.sfumato.model;

import dev.sfumato.SfumatoException;
import dev.sfumato.nn.Linear;
import dev.sfumato.nn.Module;
import dev.sfumato.tensor.Functional;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;

/**
 * Adaptive group normalisation: {@code norm(x) (1 + s) + b}, with (s, b) a linear function of the
 * time embedding (Dhariwal and Nichol, 2021).
 */
final class AdaGroupNorm extends Module {
  private final Linear linear;
  private final int groups;
  private final double epsilon;

  AdaGroupNorm(UNet2DConfig config, int channels, int groups, double epsilon) {
    if (groups < 1 || channels % groups != 0) {
      throw new SfumatoException(
          "K blocks normalise in groups of 32 channels, which "
              + channels
              + " channels do not fit: see block_out_channels");
    }
    linear = new Linear(config.timeChannels(), 2L * channels);
    this.groups = groups;
    this.epsilon = epsilon;
  }

  /** Maps features (B, C, H, W) and time embedding (B, T) to (B, C, H, W). */
  Tensor forward(Tensor x, Tensor time) {
    try (Scope scope = Scope.open()) {
      Tensor both = linear.forward(time).unsqueeze(2).unsqueeze(3);
      long channels = x.size(1);
      Tensor scale = both.narrow(1, 0, channels).add(1);
      Tensor shift = both.narrow(1, channels, channels);
      Tensor normed = Functional.groupNorm(x, groups, null, null, epsilon);
      return scope.keep(normed.mul(scale).add_(shift, 1));
    }
  }
}
