package dev.sfumato.training;

import dev.sfumato.SfumatoException;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;

/**
 * Options of the denoising objective that are not part of the model.
 *
 * @param lossWeighting the weighting of timesteps
 * @param noiseOffset strength of a noise that is the same over a whole picture's channel (0: none);
 *     it lets a model learn very dark and very bright pictures
 * @param classDropout the share of labels that are replaced by "no class", in [0, 1), so that
 *     classifier-free guidance can be used later
 * @param captionDropout the share of captions that are replaced by an empty one, in [0, 1), for the
 *     same reason
 */
public record Objective(
    Weighting lossWeighting, double noiseOffset, double classDropout, double captionDropout) {
  private static final Objective DEFAULTS = new Objective(Weighting.NONE, 0, 0, 0.1);

  /**
   * @throws SfumatoException if a number is out of range
   */
  public Objective {
    if (!(noiseOffset >= 0)) {
      throw new SfumatoException("`noiseOffset` must not be negative, but is " + noiseOffset);
    }
    requireShare("classDropout", classDropout);
    requireShare("captionDropout", captionDropout);
  }

  private static void requireShare(String name, double share) {
    if (!(share >= 0 && share < 1)) {
      throw new SfumatoException("`" + name + "` must be in [0, 1), but is " + share);
    }
  }

  /** The weighting of timesteps. */
  public enum Weighting {
    /** All timesteps equally. */
    NONE,
    /**
     * By the signal-to-noise ratio limited to 5 (Hang et al., 2023): {@code min(snr, 5) / snr} for
     * noise, {@code min(snr, 5) / (snr + 1)} for velocity, {@code min(snr, 5)} for clean pictures.
     */
    MIN_SNR
  }

  /**
   * Returns equal weights for all timesteps, no noise offset and no dropped labels; a tenth of the
   * captions is dropped.
   */
  public static Objective defaults() {
    return DEFAULTS;
  }

  /** Returns a copy with another weighting of timesteps. */
  public Objective withLossWeighting(Weighting weighting) {
    return new Objective(weighting, noiseOffset, classDropout, captionDropout);
  }

  /** Returns a copy with another noise offset. */
  public Objective withNoiseOffset(double strength) {
    return new Objective(lossWeighting, strength, classDropout, captionDropout);
  }

  /** Returns a copy with another share of dropped labels. */
  public Objective withClassDropout(double share) {
    return new Objective(lossWeighting, noiseOffset, share, captionDropout);
  }

  /** Returns a copy with another share of dropped captions. */
  public Objective withCaptionDropout(double share) {
    return new Objective(lossWeighting, noiseOffset, classDropout, share);
  }

  /** Returns every option by its name in a run's {@code config.json}. */
  public Map<String, Object> settings() {
    Map<String, Object> settings = new LinkedHashMap<>();
    settings.put("loss_weighting", lossWeighting.name().toLowerCase(Locale.ROOT));
    settings.put("noise_offset", noiseOffset);
    settings.put("class_dropout", classDropout);
    settings.put("caption_dropout", captionDropout);
    return settings;
  }
}
