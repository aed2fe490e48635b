package dev.sfumato.cli;

import dev.sfumato.InvalidOptionException;
import dev.sfumato.SfumatoException;
import dev.sfumato.io.AtomicFile;
import dev.sfumato.picture.Size;
import dev.sfumato.pipeline.DiffusionPipeline;
import dev.sfumato.pipeline.LoadingOptions;
import dev.sfumato.pipeline.StableDiffusionPipeline;
import dev.sfumato.sampling.MicroConditioning;
import dev.sfumato.sampling.PromptSyntax;
import dev.sfumato.sampling.TextOptions;
import dev.sfumato.tensor.Precision;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
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
          "Weight of classifier-free guidance; up to 1: none (default: 7.5, for Stable Diffusion XL"
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
      names = "--prompt-syntax",
      paramLabel = "none|a1111|compel",
      defaultValue = "none",
      description =
          "Weights in prompts: none (parentheses are text), a1111 as in (word:1.2), [word] and"
              + " BREAK, compel as in word++ and (words)1.2 (default: ${DEFAULT-VALUE}).")
  PromptSyntax syntax;

  @Option(
      names = "--textual-inversion",
      paramLabel = "FILE[=TOKEN]",
      description =
          "A learned word, .safetensors, .pt or the directory of a run, under the name in the file or TOKEN; can be given"
              + " several times.")
  List<String> words = List.of();

  @Option(
      names = "--original-size",
      paramLabel = "WxH",
      converter = SizeConverter.class,
      description =
          "Size before scaling and cropping that Stable Diffusion XL is told (default: the"
              + " picture's).")
  Size originalSize;

  @Option(
      names = "--target-size",
      paramLabel = "WxH",
      converter = SizeConverter.class,
      description =
          "Size after scaling and cropping that Stable Diffusion XL is told (default: the"
              + " picture's).")
  Size targetSize;

  @Option(
      names = "--crop-top",
      paramLabel = "N",
      defaultValue = "0",
      description = "Pixels that were cut off above (default: ${DEFAULT-VALUE}).")
  int cropTop;

  @Option(
      names = "--crop-left",
      paramLabel = "N",
      defaultValue = "0",
      description = "Pixels that were cut off on the left (default: ${DEFAULT-VALUE}).")
  int cropLeft;

  @Option(
      names = "--vae-tiling",
      description =
          "Encode and decode pictures larger than the autoencoder's own in overlapping tiles: less"
              + " memory, slightly different pictures.")
  boolean vaeTiling;

  @Option(
      names = "--refiner",
      paramLabel = "DIR|ID",
      description = "The refiner of Stable Diffusion XL, which takes the last steps.")
  String refiner;

  @Option(
      names = "--refiner-start",
      paramLabel = "F",
      defaultValue = "0.8",
      description =
          "Part of the noise levels after which the refiner takes over, above 0 and below 1"
              + " (default: ${DEFAULT-VALUE}).")
  double refinerStart;

  /**
   * Lets the refiner take the last steps of {@code pipeline}.
   *
   * @return the refiner, to be closed by the caller, or null if none is asked for
   * @throws SfumatoException if it does not go with the model
   */
  DiffusionPipeline refine(DiffusionPipeline pipeline, Precision precision) {
    if (refiner == null) {
      return null;
    }
    DiffusionPipeline last =
        DiffusionPipeline.load(
            Downloads.pipeline(refiner), LoadingOptions.DEFAULT.withPrecision(precision));
    if (pipeline instanceof StableDiffusionPipeline base
        && last instanceof StableDiffusionPipeline other) {
      try {
        base.refineWith(other, refinerStart);
        return last;
      } catch (SfumatoException e) {
        last.close();
        throw e;
      }
    }
    last.close();
    throw new SfumatoException("--refiner needs two models of Stable Diffusion XL");
  }

  /**
   * Adds the learned words to a model.
   *
   * @throws SfumatoException if it does not read texts, or a file does not fit it
   */
  void teach(DiffusionPipeline pipeline) {
    for (String word : words) {
      if (!(pipeline instanceof StableDiffusionPipeline reader)) {
        throw new InvalidOptionException(
            "--textual-inversion needs a text-to-image model, and this one reads no texts");
      }
      int equals = Files.exists(Path.of(word)) ? -1 : word.lastIndexOf('=');
      reader.addTextualInversion(
          Path.of(equals < 0 ? word : word.substring(0, equals)),
          equals < 0 ? Optional.empty() : Optional.of(word.substring(equals + 1)));
    }
  }

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
            .withClipSkip(clipSkip)
            .withSyntax(syntax)
            .withSizes(
                new MicroConditioning(
                    Optional.ofNullable(originalSize),
                    cropTop,
                    cropLeft,
                    Optional.ofNullable(targetSize)));
    options = negative == null ? options : options.withNegative(negative);
    return guidanceScale == null ? options : options.withGuidanceScale(guidanceScale);
  }

  private List<String> all() {
    List<String> all = new ArrayList<>(prompts);
    if (file != null) {
      try {
        Files.readAllLines(file).stream().filter(line -> !line.isBlank()).forEach(all::add);
      } catch (IOException e) {
        boolean otherText = e instanceof CharacterCodingException;
        throw new SfumatoException(
            file + (otherText ? ": is not UTF-8" : ": cannot be read: " + AtomicFile.reason(e)), e);
      }
    }
    return all;
  }
}
