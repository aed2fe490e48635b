package dev.sfumato.guidance;

import dev.sfumato.SfumatoException;
import dev.sfumato.scheduler.Run;
import dev.sfumato.scheduler.Step;
import dev.sfumato.tensor.Tensor;
import java.util.List;

/**
 * Descent of the losses on the predicted clean picture. It finds Delta_0 in a few steps from 0,
 *
 * <pre>Delta_0 = Delta_0 - scale * d loss(predictedX0 + Delta_0)</pre>
 *
 * without the network. With gradients through the network, recurrence and {@link SmoothedGuide} it
 * forms TFG (Ye et al. 2024, arXiv 2409.15761, algorithm 1): the guides' scale and schedule are
 * rho, their product with {@code scale} is mu, recurrence is N_recur and {@code steps} is N_iter.
 *
 * @param kind the effect of Delta_0 on the step
 * @param steps the number of descent steps; 0 for none
 * @param scale the length of a step
 */
public record MeanGuidance(Kind kind, int steps, double scale) {
  /** No descent. */
  public static final MeanGuidance NONE = new MeanGuidance(Kind.UNIVERSAL, 0, 1);

  /** The effect of Delta_0 on the step. */
  public enum Kind {
    /**
     * x stays and the noise changes: eps = eps - sqrt(a_t / (1 - a_t)) Delta_0 with a =
     * alphaCumprod, the backward guidance of Universal Guidance (Bansal et al. 2023, arXiv
     * 2302.07121, eq. 9).
     */
    UNIVERSAL,
    /** The noise stays and x changes, so that sqrt(a_{t-1}) Delta_0 is added to the next x. */
    TFG;

    /** Returns {@code prediction} after {@code delta} is added to predictedX0. */
    Prediction shifted(Prediction prediction, Tensor delta, Run run, Step step) {
      double signal = Math.sqrt(run.alphaCumprod(step));
      double sigma = Math.sqrt(1 - run.alphaCumprod(step));
      double ofNoise = this == UNIVERSAL ? -signal / sigma : 0;
      double ofOutput =
          switch (run.predictionType()) {
            case EPSILON -> ofNoise;
            case SAMPLE -> 1;
            case V_PREDICTION -> signal * ofNoise - sigma;
          };
      Tensor x = prediction.x();
      return prediction.moved(
          sum(prediction.modelOutput(), delta.mul(ofOutput)),
          this == UNIVERSAL ? x : x.add(delta.mul(signal / run.inputScale(step))));
    }

    /** Adds the channels that both have; those of a learned variance stay. */
    private static Tensor sum(Tensor output, Tensor delta) {
      long channels = delta.size(1);
      long others = output.size(1) - channels;
      Tensor sum = output.narrow(1, 0, channels).add(delta);
      return others == 0 ? sum : Tensor.cat(List.of(sum, output.narrow(1, channels, others)), 1);
    }
  }

  /**
   * @throws SfumatoException if a number is out of range
   */
  public MeanGuidance {
    if (steps < 0 || !Double.isFinite(scale)) {
      throw new SfumatoException("backward-steps must be at least 0 and its scale a number");
    }
  }
}
