package dev.sfumato.pipeline;

import dev.sfumato.picture.PictureFile;
import dev.sfumato.picture.Png;
import dev.sfumato.sampling.MicroConditioning;
import dev.sfumato.sampling.SamplingOptions;
import dev.sfumato.sampling.TextOptions;
import dev.sfumato.scheduler.SchedulerConfig;
import dev.sfumato.scheduler.SchedulerKind;
import java.awt.image.BufferedImage;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;

/**
 * Writes pictures with the settings that they were drawn with, in the form that web interfaces
 * read; those without a prompt, and JPEG files, are written without.
 *
 * @param model as it was named in the call
 * @param options of the sampling, completed
 * @param scheduler that drew
 */
public record PictureParameters(String model, SamplingOptions options, SchedulerConfig scheduler) {

  /** Writes a picture of all prompts. */
  public void write(Path file, BufferedImage picture) {
    write(file, picture, options.text().prompts());
  }

  /** Writes the picture with this number. */
  public void write(Path file, BufferedImage picture, int number) {
    List<String> prompts = options.text().prompts();
    write(
        file,
        picture,
        prompts.isEmpty()
            ? prompts
            : List.of(prompts.get(number / (options.count() / prompts.size()))));
  }

  private void write(Path file, BufferedImage picture, List<String> prompts) {
    if (prompts.isEmpty() || PictureFile.isJpeg(file)) {
      PictureFile.write(file, picture);
    } else {
      Png.write(file, picture, text(String.join("\n", prompts)));
    }
  }

  private String text(String prompt) {
    TextOptions text = options.text();
    String negative = text.negative().map(n -> "\nNegative prompt: " + n).orElse("");
    String skip = text.clipSkip() == 0 ? "" : ", Clip skip: " + (text.clipSkip() + 1);
    String strength =
        options.strength().isPresent()
            ? ", Denoising strength: " + plain(options.strength().getAsDouble())
            : "";
    MicroConditioning told = text.sizes();
    String sizes =
        told.originalSize()
                .map(size -> ", Original size: " + size.width() + "x" + size.height())
                .orElse("")
            + told.targetSize()
                .map(size -> ", Target size: " + size.width() + "x" + size.height())
                .orElse("");
    String crop =
        told.cropTop() + told.cropLeft() == 0
            ? ""
            : ", Crop: top " + told.cropTop() + " left " + told.cropLeft();
    return String.format(
        Locale.ROOT,
        "%s%s\nSteps: %d, Sampler: %s%s, CFG scale: %s, Seed: %d, Size: %dx%d, Model: %s%s%s%s%s",
        prompt,
        negative,
        options.steps().getAsInt(),
        sampler(),
        scheduleType(),
        plain(text.guidanceScale().orElse(1)),
        options.seed(),
        options.width().getAsInt(),
        options.height().getAsInt(),
        Path.of(model).toAbsolutePath().normalize().getFileName(),
        strength,
        skip,
        sizes,
        crop);
  }

  private static String plain(double number) {
    return number == Math.rint(number) ? Long.toString((long) number) : Double.toString(number);
  }

  /** The scheduler as web interfaces call it. */
  private String sampler() {
    SchedulerKind kind =
        Arrays.stream(SchedulerKind.values())
            .filter(k -> k.className().equals(scheduler.className()))
            .findFirst()
            .orElseThrow();
    return switch (kind.toString()) {
      case "ddim" -> "DDIM";
      case "pndm" -> "PLMS";
      case "lms" -> "LMS";
      case "euler" -> "Euler";
      case "euler_ancestral" -> "Euler a";
      case "heun" -> "Heun";
      case "dpmsolver++" ->
          "sde-dpmsolver++".equals(scheduler.settings().get("algorithm_type"))
              ? "DPM++ 2M SDE"
              : "DPM++ 2M";
      case "dpmsolver_sde" -> "DPM++ SDE";
      case "unipc" -> "UniPC";
      case "lcm" -> "LCM";
      case "tcd" -> "TCD";
      case "kdpm2" -> "DPM2";
      case "kdpm2_ancestral" -> "DPM2 a";
      default -> kind.toString();
    };
  }

  /** The spacing of the noise levels as web interfaces call it; empty if it is the usual one. */
  private String scheduleType() {
    return Stream.of("Karras", "Exponential", "Beta")
        .filter(
            name ->
                Boolean.TRUE.equals(
                    scheduler.settings().get("use_" + name.toLowerCase(Locale.ROOT) + "_sigmas")))
        .map(name -> ", Schedule type: " + name)
        .findFirst()
        .orElse("");
  }
}
