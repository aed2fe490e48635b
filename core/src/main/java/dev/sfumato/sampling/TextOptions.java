package dev.sfumato.sampling;

import static dev.sfumato.InvalidOptionException.require;

import dev.sfumato.InvalidOptionException;
import dev.sfumato.picture.Size;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;

/**
 * The texts for a text-to-image model.
 *
 * @param prompts the texts; the pictures are shared evenly among them, in their order
 * @param negative a text that no picture should show; if absent, the model uses its own
 * @param guidanceScale the weight of classifier-free guidance, which is off up to 1; the model's
 *     own if absent
 * @param guidanceRescale the part of the contrast that guided pictures get back, 0 to 1
 * @param clipSkip the number of the text encoder's last layers to leave out for the prompts
 * @param syntax the way in which the texts say weights
 * @param sizes the sizes and the crop that Stable Diffusion XL is told
 */
public record TextOptions(
    List<String> prompts,
    Optional<String> negative,
    OptionalDouble guidanceScale,
    double guidanceRescale,
    int clipSkip,
    PromptSyntax syntax,
    MicroConditioning sizes) {
  /** No prompts. */
  public static final TextOptions NONE =
      new TextOptions(
          List.of(),
          Optional.empty(),
          OptionalDouble.empty(),
          0,
          0,
          PromptSyntax.NONE,
          MicroConditioning.NONE);

  /**
   * @throws InvalidOptionException if a number is out of range
   */
  public TextOptions {
    prompts = List.copyOf(prompts);
    require(Double.isFinite(guidanceScale.orElse(1)), "`guidanceScale` must be a number");
    require(
        guidanceRescale >= 0 && guidanceRescale <= 1,
        "`guidanceRescale` must lie between 0 and 1, not " + guidanceRescale);
    require(clipSkip >= 0, "`clipSkip` must be at least 0, not " + clipSkip);
  }

  /** Returns options with these texts and the model's own settings. */
  public static TextOptions of(String... prompts) {
    return NONE.withPrompts(List.of(prompts));
  }

  /** Returns the same options with other prompts. */
  public TextOptions withPrompts(List<String> prompts) {
    return new TextOptions(
        prompts, negative, guidanceScale, guidanceRescale, clipSkip, syntax, sizes);
  }

  /** Returns the same options with a text that no picture should show. */
  public TextOptions withNegative(String negative) {
    return new TextOptions(
        prompts, Optional.of(negative), guidanceScale, guidanceRescale, clipSkip, syntax, sizes);
  }

  /** Returns the same options with another weight of classifier-free guidance. */
  public TextOptions withGuidanceScale(double scale) {
    return new TextOptions(
        prompts, negative, OptionalDouble.of(scale), guidanceRescale, clipSkip, syntax, sizes);
  }

  /** Returns the same options with another rescaling of the contrast. */
  public TextOptions withGuidanceRescale(double rescale) {
    return new TextOptions(prompts, negative, guidanceScale, rescale, clipSkip, syntax, sizes);
  }

  /** Returns the same options with layers left out. */
  public TextOptions withClipSkip(int layers) {
    return new TextOptions(
        prompts, negative, guidanceScale, guidanceRescale, layers, syntax, sizes);
  }

  /** Returns the same options with texts that say weights in another way. */
  public TextOptions withSyntax(PromptSyntax syntax) {
    return new TextOptions(
        prompts, negative, guidanceScale, guidanceRescale, clipSkip, syntax, sizes);
  }

  /** Returns the same options for a picture of another size before it was scaled and cropped. */
  public TextOptions withOriginalSize(int height, int width) {
    Size original = new Size(height, width);
    return withSizes(
        new MicroConditioning(
            Optional.of(original), sizes.cropTop(), sizes.cropLeft(), sizes.targetSize()));
  }

  /** Returns the same options for a picture whose top and left edges were cut off, in pixels. */
  public TextOptions withCrop(int top, int left) {
    return withSizes(new MicroConditioning(sizes.originalSize(), top, left, sizes.targetSize()));
  }

  /** Returns the same options for a picture of another size after it was scaled and cropped. */
  public TextOptions withTargetSize(int height, int width) {
    Size target = new Size(height, width);
    return withSizes(
        new MicroConditioning(
            sizes.originalSize(), sizes.cropTop(), sizes.cropLeft(), Optional.of(target)));
  }

  /** Returns the same options with other sizes. */
  public TextOptions withSizes(MicroConditioning sizes) {
    return new TextOptions(
        prompts, negative, guidanceScale, guidanceRescale, clipSkip, syntax, sizes);
  }
}
