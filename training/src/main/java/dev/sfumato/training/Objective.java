package dev.sfumato.training;

import dev.sfumato.SfumatoException;
import dev.sfumato.scheduler.NoiseSchedule;
import dev.sfumato.scheduler.PredictionType;
import dev.sfumato.tensor.Functional;
import dev.sfumato.tensor.Tensor;

/**
 * What the network learns: to predict the noise, the clean picture or the velocity, under a mean
 * squared error.
 *
 * @param predictionType what the network's output is compared with
 * @param weighting how timesteps are weighed against each other
 * @param noiseOffset strength of a noise that is the same over a whole picture's channel (0: none);
 *     it lets a model learn very dark and very bright pictures
 */
public record Objective(PredictionType predictionType, Weighting weighting, double noiseOffset) {
  private static final double SNR_GAMMA = 5;

  /**
   * @throws SfumatoException if the noise offset is negative
   */
  public Objective {
    if (!(noiseOffset >= 0)) {
      throw new SfumatoException("noise-offset must not be negative, but is " + noiseOffset);
    }
  }

  /** How timesteps are weighed against each other. */
  public enum Weighting {
    /** All alike. */
    NONE,
    /**
     * By the signal-to-noise ratio limited to 5 (Hang et al., 2023): {@code min(snr, 5) / snr} for
     * noise, {@code min(snr, 5) / (snr + 1)} for velocity, {@code min(snr, 5)} for clean pictures.
     */
    MIN_SNR
  }

  /**
   * The mean squared error of a prediction, shape ().
   *
   * @param prediction the network's output (B, C, H, W)
   * @param x0 clean pictures (B, C, H, W)
   * @param noise that was added
   * @param timesteps (B) int64
   */
  public Tensor loss(
      Tensor prediction, Tensor x0, Tensor noise, Tensor timesteps, NoiseSchedule schedule) {
    Tensor target =
        switch (predictionType) {
          case EPSILON -> noise;
          case SAMPLE -> x0;
          case V_PREDICTION -> schedule.velocity(x0, noise, timesteps);
        };
    if (weighting == Weighting.NONE) {
      return Functional.meanSquaredError(prediction, target);
    }
    Tensor perPicture = prediction.sub(target).square().mean(false, target.dimsOfASample());
    return perPicture.mul(weights(timesteps, schedule).to(perPicture.device())).mean();
  }

  private Tensor weights(Tensor timesteps, NoiseSchedule schedule) {
    long[] t = timesteps.toLongs();
    float[] weights = new float[t.length];
    for (int i = 0; i < t.length; i++) {
      double signal = schedule.alphaCumprod((int) t[i]);
      double snr = signal / (1 - signal);
      weights[i] =
          (float)
              switch (predictionType) {
                case EPSILON -> Math.min(1, SNR_GAMMA / snr); // 1, not 0 / 0, for pure noise
                case SAMPLE -> Math.min(snr, SNR_GAMMA);
                case V_PREDICTION -> Math.min(snr, SNR_GAMMA) / (snr + 1);
              };
    }
    return Tensor.of(weights, t.length);
  }
}
