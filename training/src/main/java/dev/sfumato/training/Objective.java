package dev.sfumato.training;

import dev.sfumato.SfumatoException;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;

/**
 * How a diffusion model is trained to denoise, besides what the model itself says.
 *
 * @param lossWeighting how timesteps are weighed against each other
 * @param noiseOffset strength of a noise that is the same over a whole picture's channel (0: none);
 *     it lets a model learn very dark and very bright pictures
 * @param classDropout the share of labels that are replaced by "no class", in [0, 1), so that
 *     classifier-free guidance can be used later
 */
public record Objective(Weighting lossWeighting, double noiseOffset, double classDropout) {
  private static final Objective DEFAULTS = new Objective(Weighting.NONE, 0, 0);

  /**
   * @throws SfumatoException if a number is out of range
   */
  public Objective {
    if (!(noiseOffset >= 0)) {
      throw new SfumatoException("`noiseOffset` must not be negative, but is " + noiseOffset);
    }
    if (!(classDropout >= 0 && classDropout < 1)) {
      throw new SfumatoException("`classDropout` must be in [0, 1), but is " + classDropout);
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

  /** All timesteps alike, no noise offset, all labels kept. */
  public static Objective defaults() {
    return DEFAULTS;
  }

  /** The same with timesteps weighed otherwise. */
  public Objective withLossWeighting(Weighting weighting) {
    return new Objective(weighting, noiseOffset, classDropout);
  }

  /** The same with another noise offset. */
  public Objective withNoiseOffset(double strength) {
    return new Objective(lossWeighting, strength, classDropout);
  }

  /** The same with another share of labels that are left out. */
  public Objective withClassDropout(double share) {
    return new Objective(lossWeighting, noiseOffset, share);
  }

  /** Every option by the name that it has in a run's {@code config.json}. */
  public Map<String, Object> settings() {
    Map<String, Object> settings = new LinkedHashMap<>();
    settings.put("loss_weighting", lossWeighting.name().toLowerCase(Locale.ROOT));
    settings.put("noise_offset", noiseOffset);
    settings.put("class_dropout", classDropout);
    return settings;
  }
}
