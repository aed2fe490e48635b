package dev.sfumato.nn;

import dev.sfumato.tensor.Functional;
import dev.sfumato.tensor.Rng;
import dev.sfumato.tensor.Tensor;

/**
 * Batch normalisation (Ioffe and Szegedy, 2015) with the statistics of the checkpoint, as a trained
 * network uses it: {@code (x - running_mean) / sqrt(running_var + 1e-5) weight + bias}.
 */
public final class BatchNorm2d extends Module {
  private static final double EPSILON = 1e-5;

  private final Tensor weight;
  private final Tensor bias;
  private final Tensor runningMean;
  private final Tensor runningVar;

  /** A layer over {@code channels}. */
  public BatchNorm2d(long channels) {
    weight = parameter(channels);
    bias = parameter(channels);
    runningMean = buffer(channels);
    runningVar = buffer(channels);
  }

  /** (B, channels, H, W) to the same shape. */
  public Tensor forward(Tensor x) {
    return Functional.batchNorm(x, weight, bias, runningMean, runningVar, EPSILON);
  }

  @Override
  protected void resetOwn(Rng rng) {
    Initial.constant(1, weight);
    Initial.constant(0, bias);
    Initial.constant(0, runningMean);
    Initial.constant(1, runningVar);
  }
}
