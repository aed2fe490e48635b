package dev.sfumato.guidance;

import dev.sfumato.SfumatoException;
import dev.sfumato.scheduler.PredictionType;
import dev.sfumato.tensor.Tensor;

/**
 * Descent of the losses on the predicted clean picture: Delta_0, found in some steps from 0,
 *
 * <pre>Delta_0 = Delta_0 - scale * d loss(predictedX0 + Delta_0)</pre>
 *
 * without the network. With gradients through the network, recurrence and {@link SmoothedGuide} it
 * makes up TFG (Ye et al. 2024, arXiv 2409.15761, algorithm 1): the guides' scale and schedule are
 * rho, those times {@code scale} mu, recurrence is N_recur and {@code steps} N_iter.
 *
 * @param kind what Delta_0 does to the step
 * @param steps how many; 0 for none
 * @param scale the length of a step
 */
public record MeanGuidance(Kind kind, int steps, double scale) {
  /** None. */
  public static final MeanGuidance NONE = new MeanGuidance(Kind.UNIVERSAL, 0, 1);

  /** What Delta_0 does to the step. */
  public enum Kind {
    /**
     * x stays and the noise follows: eps = eps - sqrt(a_t / (1 - a_t)) Delta_0 with a =
     * alphaCumprod, the backward guidance of Universal Guidance (Bansal et al. 2023, arXiv
     * 2302.07121, eq. 9).
     */
    UNIVERSAL,
    /** The noise stays and x follows, so that sqrt(a_{t-1}) Delta_0 is added to the next x. */
    TFG
  }

  /**
   * @throws SfumatoException if a number is out of range
   */
  public MeanGuidance {
    if (steps < 0 || !Double.isFinite(scale)) {
      throw new SfumatoException("backward-steps must be at least 0 and its scale a number");
    }
  }

  /** What is added to x and to the network's output, each (B, C, H, W). */
  record Shift(Tensor ofX, Tensor ofOutput) {
    static final Shift NONE = new Shift(null, null);

    Tensor x(Tensor x) {
      return ofX == null ? x : x.add(ofX);
    }

    /** Channels that are about the variance stay. */
    Tensor output(Tensor output) {
      if (ofOutput == null) {
        return output;
      }
      long channels = ofOutput.size(1);
      if (output.size(1) == channels) {
        return output.add(ofOutput);
      }
      Tensor mean = output.narrow(1, 0, channels).add(ofOutput);
      return Tensor.cat(
          java.util.List.of(mean, output.narrow(1, channels, output.size(1) - channels)), 1);
    }
  }

  /** What makes {@code delta} be added to predictedX0. */
  Shift shift(Level level, PredictionType type, Tensor delta) {
    double signal = level.signal();
    double sigma = level.sigma();
    double ofNoise = kind == Kind.UNIVERSAL ? -signal / sigma : 0;
    double ofOutput =
        switch (type) {
          case EPSILON -> ofNoise;
          case SAMPLE -> 1;
          case V_PREDICTION -> signal * ofNoise - sigma;
        };
    return new Shift(
        kind == Kind.UNIVERSAL ? null : level.scaled(delta.mul(signal)), delta.mul(ofOutput));
  }
}
