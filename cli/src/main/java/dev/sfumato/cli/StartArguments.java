package dev.sfumato.cli;

import dev.sfumato.SfumatoException;
import dev.sfumato.sampling.SamplingOptions;
import java.nio.file.Path;
import picocli.CommandLine.Option;

/** Options of the pictures' size and of a picture to start from. */
final class StartArguments {
  @Option(
      names = {"--init-image", "--inpaint"},
      paramLabel = "FILE",
      description =
          "A picture to start from or, with --mask, to complete; a text-to-image model without a"
              + " mask draws at its size.")
  Path picture;

  @Option(
      names = "--mask",
      paramLabel = "FILE",
      description =
          "A picture in the shape of --init-image, or of the drawn size; its white part is drawn"
              + " anew.")
  Path mask;

  @Option(
      names = "--strength",
      paramLabel = "S",
      description =
          "Change from --init-image, above 0 to 1 (default: 0.8, for Stable Diffusion XL 0.3,"
              + " for a model of pixels 1; with --mask 1, for Stable Diffusion XL 0.9999).")
  Double strength;

  @Option(
      names = "--height",
      paramLabel = "PIXELS",
      description = "Height of the pictures (default: the model's).")
  Integer height;

  @Option(
      names = "--width",
      paramLabel = "PIXELS",
      description = "Width of the pictures (default: the model's).")
  Integer width;

  /**
   * Returns a copy of {@code options} with these.
   *
   * @throws SfumatoException if an option lacks the one that it belongs to
   */
  SamplingOptions started(SamplingOptions options) {
    if (picture == null && (strength != null || mask != null)) {
      throw new SfumatoException((mask != null ? "--mask" : "--strength") + " needs --init-image");
    }
    SamplingOptions started = height == null ? options : options.withHeight(height);
    started = width == null ? started : started.withWidth(width);
    if (picture != null) {
      started = mask == null ? started.withPicture(picture) : started.withInpainting(picture, mask);
    }
    return strength == null ? started : started.withStrength(strength);
  }
}
