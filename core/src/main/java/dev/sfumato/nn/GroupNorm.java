package dev.sfumato.nn;

import dev.sfumato.SfumatoException;
import dev.sfumato.tensor.Functional;
import dev.sfumato.tensor.Rng;
import dev.sfumato.tensor.Tensor;

/** Group normalisation (Wu and He, 2018) with a weight and a bias for each channel. */
public final class GroupNorm extends Module {
  private final Tensor weight;
  private final Tensor bias;
  private final long groups;
  private final double epsilon;

  /**
   * @param groups the number of groups of channels
   * @param channels a multiple of {@code groups}
   * @param epsilon added to the variance
   * @throws SfumatoException if {@code groups} does not divide {@code channels}
   */
  public GroupNorm(long groups, long channels, double epsilon) {
    if (groups < 1 || channels % groups != 0) {
      throw new SfumatoException(
          channels + " channels cannot be split into " + groups + " groups: see norm_num_groups");
    }
    this.groups = groups;
    this.epsilon = epsilon;
    weight = parameter(channels);
    bias = parameter(channels);
  }

  /** (B, C, ...) to the same shape. */
  public Tensor forward(Tensor x) {
    return Functional.groupNorm(x, groups, weight, bias, epsilon);
  }

  @Override
  protected void resetOwn(Rng rng) {
    Initial.constant(1, weight);
    Initial.constant(0, bias);
  }
}
