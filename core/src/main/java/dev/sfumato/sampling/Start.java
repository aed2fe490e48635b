package dev.sfumato.sampling;

import dev.sfumato.SfumatoException;
import dev.sfumato.tensor.Tensor;
import java.util.Arrays;
import java.util.Optional;

/** The start of a sampling: noise alone, or clean samples with added noise. */
public final class Start {
  private final long[] shape;
  private final Optional<Tensor> x0;
  private final double strength;
  private final Optional<Tensor> noise;

  private Start(long[] shape, Optional<Tensor> x0, double strength, Optional<Tensor> noise) {
    this.shape = shape.clone();
    this.x0 = x0;
    this.strength = strength;
    this.noise = noise;
    if (shape.length < 2 || Arrays.stream(shape).anyMatch(size -> size < 1)) {
      throw new SfumatoException("nothing can be sampled of shape " + Arrays.toString(shape));
    }
  }

  /** Starts from noise of {@code shape}: (B, C, H, W), or (B, C) for a model of vectors. */
  public static Start noise(long... shape) {
    return new Start(shape, Optional.empty(), 1, Optional.empty());
  }

  /**
   * Starts from clean samples (img2img).
   *
   * @param x0 (B, C, H, W) in the space of the network
   * @param strength above 0, which keeps them, to 1, which leaves little of them
   */
  public static Start of(Tensor x0, double strength) {
    return new Start(x0.shape(), Optional.of(x0), strength, Optional.empty());
  }

  /** Returns the same start with noise that was drawn already, in the shape of the samples. */
  public Start withNoise(Tensor noise) {
    return new Start(shape, x0, strength, Optional.of(noise));
  }

  /** Returns the noise that was drawn already; if empty, the sampler draws it. */
  public Optional<Tensor> noise() {
    return noise;
  }

  /** Returns the shape of the samples. */
  public long[] shape() {
    return shape.clone();
  }

  /** Returns the clean samples; empty for a start from noise alone. */
  public Optional<Tensor> x0() {
    return x0;
  }

  /** Returns the part of the noise levels to go through, 1 for all. */
  public double strength() {
    return strength;
  }
}
