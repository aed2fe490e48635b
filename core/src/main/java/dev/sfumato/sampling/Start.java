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
  private final double done;

  private Start(
      long[] shape, Optional<Tensor> x0, double strength, Optional<Tensor> noise, double done) {
    this.shape = shape.clone();
    this.x0 = x0;
    this.strength = strength;
    this.noise = noise;
    this.done = done;
    if (shape.length < 2 || Arrays.stream(shape).anyMatch(size -> size < 1)) {
      throw new SfumatoException("nothing can be sampled of shape " + Arrays.toString(shape));
    }
  }

  /** Starts from noise of {@code shape}: (B, C, H, W), or (B, C) for a model of vectors. */
  public static Start noise(long... shape) {
    return new Start(shape, Optional.empty(), 1, Optional.empty(), 0);
  }

  /**
   * Starts from clean samples (img2img).
   *
   * @param x0 (B, C, H, W) in the space of the network
   * @param strength above 0, which keeps them, to 1, which leaves little of them
   */
  public static Start of(Tensor x0, double strength) {
    return new Start(x0.shape(), Optional.of(x0), strength, Optional.empty(), 0);
  }

  /**
   * Goes on with samples that another network left unfinished.
   *
   * @param x (B, C, H, W) with the noise that is left
   * @param done the part of the noise levels that is done, above 0 and below 1
   */
  public static Start goingOn(Tensor x, double done) {
    if (!(done > 0 && done < 1)) {
      throw new SfumatoException("the part that is done must lie between 0 and 1, not " + done);
    }
    return new Start(x.shape(), Optional.of(x), 1, Optional.empty(), done);
  }

  /**
   * Returns the part of the noise levels that is done already; 0 for a start from the beginning.
   */
  public double done() {
    return done;
  }

  /** Returns the same start with noise that was drawn already, in the shape of the samples. */
  public Start withNoise(Tensor noise) {
    return new Start(shape, x0, strength, Optional.of(noise), done);
  }

  /** Returns the noise that was drawn already; if empty, the sampler draws it. */
  public Optional<Tensor> noise() {
    return noise;
  }

  /** Returns the shape of the samples. */
  public long[] shape() {
    return shape.clone();
  }

  /** Returns the clean or unfinished samples; empty for a start from noise alone. */
  public Optional<Tensor> x0() {
    return x0;
  }

  /** Returns the part of the noise levels to go through, 1 for all. */
  public double strength() {
    return strength;
  }
}
