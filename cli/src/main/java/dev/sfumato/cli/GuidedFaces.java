package dev.sfumato.cli;

import dev.sfumato.chart.HtmlReport;
import dev.sfumato.guidance.GuideSpec;
import dev.sfumato.picture.GifWriter;
import dev.sfumato.picture.Pictures;
import dev.sfumato.picture.Png;
import dev.sfumato.pipeline.DiffusionPipeline;
import dev.sfumato.sampling.SamplingOptions;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.awt.image.BufferedImage;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;

/**
 * The part of {@code quickstart} about guidance: faces from one noise, first unguided, then steered
 * towards a colour, then towards texts.
 */
final class GuidedFaces {
  private static final int COUNT = 8;
  private static final String COLOR = "#1ae680";
  private static final double FROM = 0.1;

  private static final List<String> LABELS =
      List.of(
          "as the model draws",
          "towards the colour " + COLOR,
          "towards \"red hair\"",
          "towards \"glasses\"");

  private final List<BufferedImage> frames = new ArrayList<>();
  private final QuickstartCommand tour;

  GuidedFaces(QuickstartCommand tour) {
    this.tour = tour;
  }

  /** Draws into the tour's folder and returns the report's sections about it. */
  List<HtmlReport.Section> draw() {
    Path model = EmbeddedFiles.CARTOONS.copyTo(tour.output.resolve("faces-model"));
    Path clip = EmbeddedFiles.CLIP.copyTo(tour.output.resolve("clip-model"));
    long start = System.nanoTime();
    try (Scope scope = Scope.open();
        DiffusionPipeline pipeline = tour.load(model)) {
      List<Tensor> rows = rows(pipeline, clip);
      Png.write(tour.output.resolve("faces.png"), Pictures.grid(Tensor.cat(rows, 0), rows.size()));
      Path noise = tour.output.resolve("from-noise.gif");
      new GifWriter(Duration.ofMillis(120), true).write(noise, frames);
      return List.of(
          new HtmlReport.Heading("Steer a model that knows no classes"),
          new HtmlReport.Paragraph(
              String.format(
                  Locale.ROOT,
                  "Each row starts from the same noise, seed %d. All rows took %.0f seconds.",
                  tour.compute.seed,
                  (System.nanoTime() - start) / 1e9)),
          new HtmlReport.Rows(
              IntStream.range(0, rows.size())
                  .mapToObj(
                      i -> HtmlReport.Picture.of(Pictures.grid(rows.get(i), 1), LABELS.get(i)))
                  .toList()),
          HtmlReport.Picture.read(noise, "The first row on its way from noise to pictures."),
          new HtmlReport.Paragraph(
              "The cartoon faces are after \"Adventurer\" by Lisa Wischofsky, CC BY 4.0."),
          new HtmlReport.Commands(commands()));
    }
  }

  private String commands() {
    return String.format(
        Locale.ROOT,
        """
        ./sfumato sample --model models/cartoons --count %1$d --rows 1 --steps %2$d
        ./sfumato sample --model models/cartoons --count %1$d --rows 1 --steps %2$d \\
            --guide color=%3$s --scale 400 --from %4$s
        ./sfumato sample --model models/cartoons --count %1$d --rows 1 --steps %2$d \\
            --guide clip="red hair" --scale 200 --from %4$s \\
            --clip models/clip-faces --cuts 2 --cut-power 1 --cut-overview 1""",
        COUNT,
        tour.steps,
        COLOR,
        FROM);
  }

  /** Returns a row without a guide, one for the colour, and one for each text. */
  private List<Tensor> rows(DiffusionPipeline pipeline, Path clip) {
    SamplingOptions plain = SamplingOptions.defaults().withCount(COUNT).withBatchSize(COUNT);
    GuideSpec color = GuideSpec.parse("color=" + COLOR).with("scale", 400).with("from", FROM);
    return List.of(
        tour.sample("draw faces", pipeline, plain, x -> frames.add(Pictures.grid(x, 1))),
        tour.sample("steer by a colour", pipeline, plain.withGuide(color), x -> {}),
        tour.sample("steer by a text", pipeline, by(plain, clip, "red hair", 200), x -> {}),
        tour.sample("steer by a text", pipeline, by(plain, clip, "glasses", 400), x -> {}));
  }

  /**
   * Shows CLIP the whole picture, plain and mirrored. This draws no random numbers, so the noise is
   * the same.
   */
  private static SamplingOptions by(SamplingOptions plain, Path clip, String text, int scale) {
    return plain.withGuide(
        GuideSpec.parse("clip=" + text)
            .with("clip", clip)
            .with("cuts", 2)
            .with("cut-power", 1)
            .with("cut-overview", 1)
            .with("from", FROM)
            .with("scale", scale));
  }
}
