package dev.sfumato.training;

import static dev.sfumato.InvalidOptionException.require;

import dev.sfumato.InvalidOptionException;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.function.Consumer;

/** Options of the denoising objective that are not part of the model. Immutable. */
public final class Objective implements Cloneable {
  private static final Objective DEFAULTS = new Objective();

  private Weighting lossWeighting = Weighting.NONE;
  private double snrGamma = 5;
  private double noiseOffset;
  private double inputPerturbation;
  private double classDropout;
  private double captionDropout = 0.1;

  private Objective() {}

  private Objective with(Consumer<Objective> change) {
    try {
      Objective changed = (Objective) clone();
      change.accept(changed);
      return changed;
    } catch (CloneNotSupportedException e) {
      throw new AssertionError(e);
    }
  }

  private static double notNegative(String name, double value) {
    require(value >= 0, "`" + name + "` must not be negative, but is " + value);
    return value;
  }

  private static double share(String name, double share) {
    require(share >= 0 && share < 1, "`" + name + "` must be in [0, 1), but is " + share);
    return share;
  }

  /** The weighting of timesteps. */
  public enum Weighting {
    /** All timesteps equally. */
    NONE,
    /**
     * By the signal-to-noise ratio limited to gamma (Hang et al., 2023): {@code min(snr, gamma) /
     * snr} for noise, {@code min(snr, gamma) / (snr + 1)} for velocity, {@code min(snr, gamma)} for
     * clean pictures.
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

  /** Returns the weighting of timesteps. */
  public Weighting lossWeighting() {
    return lossWeighting;
  }

  /** Returns a copy with another weighting of timesteps. */
  public Objective withLossWeighting(Weighting weighting) {
    return with(o -> o.lossWeighting = weighting);
  }

  /** Returns the largest signal-to-noise ratio of {@link Weighting#MIN_SNR}. */
  public double snrGamma() {
    return snrGamma;
  }

  /**
   * Returns a copy with this largest signal-to-noise ratio of {@link Weighting#MIN_SNR}.
   *
   * @throws InvalidOptionException if it is not more than 0
   */
  public Objective withSnrGamma(double gamma) {
    require(gamma > 0, "`snrGamma` must be more than 0, but is " + gamma);
    return with(o -> o.snrGamma = gamma);
  }

  /**
   * Returns the strength of a noise that is the same over a whole picture's channel (0: none); it
   * lets a model learn very dark and very bright pictures.
   */
  public double noiseOffset() {
    return noiseOffset;
  }

  /**
   * Returns a copy with another noise offset.
   *
   * @throws InvalidOptionException if it is negative
   */
  public Objective withNoiseOffset(double strength) {
    return with(o -> o.noiseOffset = notNegative("noiseOffset", strength));
  }

  /**
   * Returns the strength of a further noise in the noisy pictures that the network is not to
   * predict (0: none), against the difference between training and sampling (Ning et al., 2023).
   */
  public double inputPerturbation() {
    return inputPerturbation;
  }

  /**
   * Returns a copy with another input perturbation.
   *
   * @throws InvalidOptionException if it is negative
   */
  public Objective withInputPerturbation(double strength) {
    return with(o -> o.inputPerturbation = notNegative("inputPerturbation", strength));
  }

  /**
   * Returns the share of labels that are replaced by "no class", in [0, 1), so that classifier-free
   * guidance can be used later.
   */
  public double classDropout() {
    return classDropout;
  }

  /**
   * Returns a copy with another share of dropped labels.
   *
   * @throws InvalidOptionException if it is out of range
   */
  public Objective withClassDropout(double share) {
    return with(o -> o.classDropout = share("classDropout", share));
  }

  /**
   * Returns the share of captions that are replaced by an empty one, in [0, 1), so that
   * classifier-free guidance can be used later.
   */
  public double captionDropout() {
    return captionDropout;
  }

  /**
   * Returns a copy with another share of dropped captions.
   *
   * @throws InvalidOptionException if it is out of range
   */
  public Objective withCaptionDropout(double share) {
    return with(o -> o.captionDropout = share("captionDropout", share));
  }

  /** Returns every option by its name in a run's {@code config.json}. */
  public Map<String, Object> settings() {
    Map<String, Object> settings = new LinkedHashMap<>();
    settings.put("loss_weighting", lossWeighting.name().toLowerCase(Locale.ROOT));
    settings.put("snr_gamma", snrGamma);
    settings.put("noise_offset", noiseOffset);
    settings.put("input_perturbation", inputPerturbation);
    settings.put("class_dropout", classDropout);
    settings.put("caption_dropout", captionDropout);
    return settings;
  }
}
