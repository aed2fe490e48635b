package dev.sfumato.studio;

import com.fasterxml.jackson.annotation.JsonInclude;
import dev.sfumato.checkpoint.ModelParts;
import dev.sfumato.checkpoint.ReadingOptions;
import dev.sfumato.model.ClassConditioning;
import dev.sfumato.pipeline.PixelPipeline;
import dev.sfumato.pipeline.StableDiffusionPipeline;
import dev.sfumato.sampling.SamplingOptions;
import dev.sfumato.scheduler.SchedulerConfig;
import dev.sfumato.scheduler.SchedulerKind;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * The settings that a model offers. Reading them loads no weights.
 *
 * @param name of the model, as it is loaded
 * @param kind {@code pixels} or {@code text}
 * @param height of its pictures; 0 if its files do not say
 * @param width of its pictures; 0 if its files do not say
 * @param classes their names, or their labels; empty if it knows none
 * @param scheduler its own update rule; empty if its files do not say
 * @param steps of that rule
 * @param guidanceScale the usual weight of classifier-free guidance
 */
@JsonInclude(JsonInclude.Include.ALWAYS)
record ModelFacts(
    String name,
    String kind,
    int height,
    int width,
    List<String> classes,
    String scheduler,
    int steps,
    double guidanceScale) {
  private static final int TEXT_STEPS = 50;

  /**
   * Reads a model directory or file.
   *
   * @throws dev.sfumato.SfumatoException naming the file that is missing or does not fit
   */
  static ModelFacts of(String name, Path files) {
    return StableDiffusionPipeline.isIn(files) ? text(name, files) : pixels(name, files);
  }

  private static ModelFacts pixels(String name, Path files) {
    List<Integer> size = PixelPipeline.unetConfig(files).sampleSize();
    SchedulerConfig scheduler = PixelPipeline.schedulerConfig(files);
    ClassConditioning conditioning = PixelPipeline.classConditioning(files);
    List<String> classes =
        conditioning.classNames().isEmpty()
            ? IntStream.range(0, conditioning.numClasses()).mapToObj(Integer::toString).toList()
            : conditioning.classNames();
    int steps = SamplingOptions.defaults().completed(scheduler, List.of(8)).steps().getAsInt();
    return new ModelFacts(
        name,
        "pixels",
        size.isEmpty() ? 0 : size.get(0),
        size.isEmpty() ? 0 : size.get(size.size() - 1),
        classes,
        kind(scheduler.className()),
        steps,
        1);
  }

  private static ModelFacts text(String name, Path files) {
    if (Files.isRegularFile(files)) {
      return new ModelFacts(name, "text", 0, 0, List.of(), "", TEXT_STEPS, 0);
    }
    try (ModelParts parts = ModelParts.of(files, ReadingOptions.DEFAULT)) {
      List<Integer> latents = parts.unet().sampleSize();
      int side = latents.isEmpty() ? 0 : latents.get(0) * parts.autoencoder().reduction();
      boolean xl = Files.isDirectory(files.resolve("text_encoder_2"));
      return new ModelFacts(
          name,
          "text",
          side,
          side,
          List.of(),
          kind(parts.scheduler().className()),
          TEXT_STEPS,
          xl ? 5 : 7.5);
    }
  }

  private static String kind(String className) {
    return Arrays.stream(SchedulerKind.values())
        .filter(kind -> kind.className().equals(className))
        .findFirst()
        .map(SchedulerKind::toString)
        .orElse("");
  }
}
