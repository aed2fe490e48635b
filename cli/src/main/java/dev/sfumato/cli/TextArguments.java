package dev.sfumato.cli;

import dev.sfumato.SfumatoException;
import dev.sfumato.sampling.SamplingOptions;
import dev.sfumato.sampling.TextOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.Option;

/** Options of text-to-image models. */
final class TextArguments {
  @Option(
      names = "--prompt",
      paramLabel = "TEXT",
      description = "Text to draw with a text-to-image model; can be given several times.")
  List<String> prompts = List.of();

  @Option(
      names = "--prompts",
      paramLabel = "FILE",
      description =
          "File with a prompt per line, after those of --prompt; empty lines are ignored.")
  Path file;

  @Option(
      names = "--negative-prompt",
      paramLabel = "TEXT",
      description = "Text that the pictures should not show.")
  String negative;

  @Option(
      names = "--guidance-scale",
      paramLabel = "W",
      description =
          "Weight of classifier-free guidance; up to 1: none (default: 7.5, of Stable Diffusion XL"
              + " 5).")
  Double guidanceScale;

  @Option(
      names = "--guidance-rescale",
      paramLabel = "X",
      defaultValue = "0",
      description =
          "Rescale the guided prediction's contrast towards that of the plain one, 0 to 1 (default:"
              + " ${DEFAULT-VALUE}).")
  double guidanceRescale;

  @Option(
      names = "--clip-skip",
      paramLabel = "K",
      defaultValue = "0",
      description =
          "Last layers of the text encoder to skip for the prompts (default:"
              + " ${DEFAULT-VALUE}).")
  int clipSkip;

  @Option(
      names = "--init-image",
      paramLabel = "FILE",
      description = "A picture to start from; a text-to-image model draws at its size.")
  Path picture;

  @Option(
      names = "--strength",
      paramLabel = "S",
      description =
          "Change from --init-image, above 0 to 1 (default: 0.8, of Stable Diffusion XL 0.3,"
              + " of a model of pixels 1).")
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
   * Returns the given options.
   *
   * @throws SfumatoException if the file of prompts cannot be read or a number is out of range
   */
  TextOptions options() {
    TextOptions options =
        TextOptions.NONE
            .withPrompts(all())
            .withGuidanceRescale(guidanceRescale)
            .withClipSkip(clipSkip);
    options = negative == null ? options : options.withNegative(negative);
    return guidanceScale == null ? options : options.withGuidanceScale(guidanceScale);
  }

  /** Returns a copy with the given size. */
  SamplingOptions started(SamplingOptions options) {
    SamplingOptions sized = height == null ? options : options.withHeight(height);
    sized = width == null ? sized : sized.withWidth(width);
    if (picture == null && strength != null) {
      throw new SfumatoException("--strength needs --init-image");
    }
    return picture == null
        ? sized
        : strength == null ? sized.withPicture(picture) : sized.withPicture(picture, strength);
  }

  private List<String> all() {
    List<String> all = new ArrayList<>(prompts);
    if (file != null) {
      try {
        Files.readAllLines(file).stream().filter(line -> !line.isBlank()).forEach(all::add);
      } catch (IOException e) {
        throw new SfumatoException(file + ": cannot be read as lines of UTF-8: " + e, e);
      }
    }
    return all;
  }
}
