package dev.sfumato.cli;

import dev.sfumato.chart.HtmlReport;
import dev.sfumato.picture.Pictures;
import dev.sfumato.picture.Png;
import dev.sfumato.pipeline.DiffusionPipeline;
import dev.sfumato.sampling.SamplingOptions;
import dev.sfumato.sampling.TextOptions;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;

/** The part of {@code quickstart} about texts: faces from four prompts. */
final class FacesFromTexts {
  private static final int EACH = 8;
  private static final double SCALE = 3;
  private static final List<String> PROMPTS =
      List.of(
          "a face with green hair and glasses, blue background",
          "a smiling cartoon face with long red hair, dark skin, white background",
          "a pixel art face with short black hair, light skin, a blue shirt, yellow background",
          "a bald cartoon face with tan skin, sunglasses, pink background");

  private final QuickstartCommand tour;

  FacesFromTexts(QuickstartCommand tour) {
    this.tour = tour;
  }

  /** Draws into the tour's folder and returns the report's sections about it. */
  List<HtmlReport.Section> draw() {
    Path model = EmbeddedFiles.FACES_FROM_TEXTS.copyTo(tour.output.resolve("text-model"));
    long start = System.nanoTime();
    try (Scope scope = Scope.open();
        DiffusionPipeline pipeline = tour.load(model)) {
      SamplingOptions options =
          SamplingOptions.defaults()
              .withText(TextOptions.NONE.withPrompts(PROMPTS).withGuidanceScale(SCALE))
              .withCount(EACH * PROMPTS.size());
      Tensor faces = tour.sample("draw from texts", pipeline, options, x -> {});
      Png.write(tour.output.resolve("texts.png"), Pictures.grid(faces, PROMPTS.size()));
      return List.of(
          new HtmlReport.Heading("Draw what a text says"),
          new HtmlReport.Paragraph(
              String.format(
                  Locale.ROOT,
                  "A small model in the layout of Stable Diffusion: %d steps, seed %d, %.0f"
                      + " seconds.",
                  tour.steps,
                  tour.compute.seed,
                  (System.nanoTime() - start) / 1e9)),
          new HtmlReport.Rows(
              IntStream.range(0, PROMPTS.size())
                  .mapToObj(
                      i ->
                          HtmlReport.Picture.of(
                              Pictures.grid(faces.narrow(0, (long) i * EACH, EACH), 1),
                              PROMPTS.get(i)))
                  .toList()),
          new HtmlReport.Commands(
              String.format(
                  Locale.ROOT,
                  "./sfumato sample --model models/faces-sd --count %d --rows 1 --steps %d \\%n"
                      + "    --guidance-scale %.0f --prompt \"%s\"",
                  EACH,
                  tour.steps,
                  SCALE,
                  PROMPTS.get(0))));
    }
  }
}
