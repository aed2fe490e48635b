package dev.sfumato.sampling;

import dev.sfumato.SfumatoException;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;

/**
 * What a text-to-image model is asked to draw.
 *
 * @param prompts the texts; the pictures are shared evenly among them, in their order
 * @param negative what none of the pictures should show; the model decides what stands for nothing
 *     if it is absent
 * @param guidanceScale the weight of classifier-free guidance, off up to 1; the model's own if
 *     absent
 * @param guidanceRescale how far the contrast of guided pictures is brought back, 0 to 1
 * @param clipSkip how many of the text encoder's last layers are left out for the prompts
 */
public record TextOptions(
    List<String> prompts,
    Optional<String> negative,
    OptionalDouble guidanceScale,
    double guidanceRescale,
    int clipSkip) {
  /** No prompts. */
  public static final TextOptions NONE =
      new TextOptions(List.of(), Optional.empty(), OptionalDouble.empty(), 0, 0);

  /**
   * @throws SfumatoException if a number is out of range
   */
  public TextOptions {
    prompts = List.copyOf(prompts);
    if (guidanceScale.isPresent() && !Double.isFinite(guidanceScale.getAsDouble())) {
      throw new SfumatoException("guidance scale must be a number");
    }
    if (!(guidanceRescale >= 0 && guidanceRescale <= 1)) {
      throw new SfumatoException(
          "guidance rescale must lie between 0 and 1, not " + guidanceRescale);
    }
    if (clipSkip < 0) {
      throw new SfumatoException("clip skip must be at least 0, not " + clipSkip);
    }
  }

  /** These texts with everything else as the model has it. */
  public static TextOptions of(String... prompts) {
    return NONE.withPrompts(List.of(prompts));
  }

  /** The same with other prompts. */
  public TextOptions withPrompts(List<String> prompts) {
    return new TextOptions(prompts, negative, guidanceScale, guidanceRescale, clipSkip);
  }

  /** The same with what the pictures should not show. */
  public TextOptions withNegative(String negative) {
    return new TextOptions(
        prompts, Optional.of(negative), guidanceScale, guidanceRescale, clipSkip);
  }

  /** The same with another weight of classifier-free guidance. */
  public TextOptions withGuidanceScale(double scale) {
    return new TextOptions(prompts, negative, OptionalDouble.of(scale), guidanceRescale, clipSkip);
  }

  /** The same with contrast brought back. */
  public TextOptions withGuidanceRescale(double rescale) {
    return new TextOptions(prompts, negative, guidanceScale, rescale, clipSkip);
  }

  /** The same with layers left out. */
  public TextOptions withClipSkip(int layers) {
    return new TextOptions(prompts, negative, guidanceScale, guidanceRescale, layers);
  }
}
