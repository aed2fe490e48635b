package dev.sfumato.scheduler;

import java.util.Arrays;

/**
 * sigma_t = sqrt((1 - alphaCumprod_t) / alphaCumprod_t), the noise of x_t in units of its picture,
 * at every training timestep, rising and interpolated in between.
 */
final class TrainedSigmas {
  /** The substitute for alphaCumprod 0, pure noise, whose sigma would be infinite: sigma 4096. */
  private static final float SMALLEST = 0x1p-24f;

  private final float[] sigmas;
  private final float[] logs;

  TrainedSigmas(NoiseSchedule schedule) {
    float[] alphasCumprod = schedule.alphasCumprod();
    sigmas = new float[alphasCumprod.length];
    logs = new float[alphasCumprod.length];
    for (int t = 0; t < sigmas.length; t++) {
      float a = alphasCumprod[t] == 0 ? SMALLEST : alphasCumprod[t];
      sigmas[t] = Floats.sqrt((1 - a) / a);
      logs[t] = Floats.log(sigmas[t]);
    }
  }

  float min() {
    return sigmas[0];
  }

  float max() {
    return sigmas[sigmas.length - 1];
  }

  /** Returns the last timestep whose lambda = -log(sigma) is not below {@code lambdaMin}. */
  int lastAbove(double lambdaMin) {
    int last = sigmas.length - 1;
    while (last > 0 && -logs[last] < lambdaMin) {
      last--;
    }
    return last;
  }

  /** Returns sigma at a timestep from 0 to T - 1, linear between whole ones. */
  double at(double timestep) {
    int below = (int) timestep;
    if (below >= sigmas.length - 1) {
      return max();
    }
    double slope = (double) sigmas[below + 1] - sigmas[below];
    return slope * (timestep - below) + sigmas[below];
  }

  /** Returns the timestep of a sigma, linear in log(sigma) between whole ones. */
  double timestepOf(double sigma) {
    if (sigmas.length == 1) {
      return 0;
    }
    double log = Math.log(Math.max(sigma, 1e-10));
    int below = Math.min(Math.max(indexBelow(log), 0), sigmas.length - 2);
    double share = (logs[below] - log) / (logs[below] - logs[below + 1]);
    double w = Math.min(Math.max(share, 0), 1);
    return (1 - w) * below + w * (below + 1);
  }

  double[] timestepsOf(double[] sigmas) {
    return Arrays.stream(sigmas).map(this::timestepOf).toArray();
  }

  /** Returns the last whole timestep with at most this log(sigma); -1 if there is none. */
  private int indexBelow(double log) {
    int t = logs.length - 1;
    while (t >= 0 && logs[t] > log) {
      t--;
    }
    return t;
  }
}
