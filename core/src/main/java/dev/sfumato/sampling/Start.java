package dev.sfumato.sampling;

import dev.sfumato.SfumatoException;
import dev.sfumato.tensor.Tensor;
import java.util.Arrays;
import java.util.Optional;

/** What a sampling starts from: noise alone, or clean samples that noise is added to. */
public final class Start {
  private final long[] shape;
  private final Optional<Tensor> x0;
  private final double strength;

  private Start(long[] shape, Optional<Tensor> x0, double strength) {
    this.shape = shape.clone();
    this.x0 = x0;
    this.strength = strength;
    if (shape.length < 2 || Arrays.stream(shape).anyMatch(size -> size < 1)) {
      throw new SfumatoException("nothing can be sampled of shape " + Arrays.toString(shape));
    }
  }

  /** Noise of {@code shape}: (B, C, H, W), or (B, C) for a model of vectors. */
  public static Start noise(long... shape) {
    return new Start(shape, Optional.empty(), 1);
  }

  /**
   * Clean samples (img2img).
   *
   * @param x0 (B, C, H, W) in the space of the network
   * @param strength above 0, where they stay, to 1, where little of them is left
   */
  public static Start of(Tensor x0, double strength) {
    return new Start(x0.shape(), Optional.of(x0), strength);
  }

  /** The shape of what is sampled. */
  public long[] shape() {
    return shape.clone();
  }

  /** The clean samples, if it does not start from noise alone. */
  public Optional<Tensor> x0() {
    return x0;
  }

  /** The part of the noise levels to go through, 1 for all. */
  public double strength() {
    return strength;
  }
}
