package dev.sfumato.scheduler;

import dev.sfumato.tensor.DType;
import dev.sfumato.tensor.Tensor;
import java.util.Arrays;

/**
 * Keeps a predicted x_0 in the range of pictures.
 *
 * @param dynamic whether to threshold dynamically; overrides {@code clip}
 * @param ratio the quantile for dynamic thresholding
 * @param largest the highest threshold for dynamic thresholding
 * @param clip whether to clip to [-range, range]
 */
record Limit(boolean dynamic, double ratio, double largest, boolean clip, double range) {
  static Limit of(SchedulerConfig config) {
    return new Limit(
        config.thresholding(),
        config.dynamicThresholdingRatio(),
        config.sampleMaxValue(),
        config.clipSample(),
        config.clipSampleRange());
  }

  boolean isNone() {
    return !dynamic && !clip;
  }

  /** Returns the limited {@code x0} (B, ...). */
  Tensor apply(Tensor x0) {
    if (dynamic) {
      return threshold(x0.to(DType.FLOAT32)).to(x0.dtype());
    }
    return clip ? x0.clamp(-range, range) : x0;
  }

  /**
   * Applies dynamic thresholding (Imagen, section 2.3): s is a quantile of each picture's |x_0|, at
   * least 1; the picture is clipped to [-s, s] and divided by s, which pushes saturated pixels
   * inwards.
   */
  private Tensor threshold(Tensor x0) {
    long batch = x0.size(0);
    long[] perSample = x0.shape();
    Arrays.fill(perSample, 1, perSample.length, 1);
    Tensor s = x0.abs().reshape(batch, -1).quantile(ratio, 1).clamp(1, largest).reshape(perSample);
    return x0.maximum(s.neg()).minimum(s).div(s);
  }
}
