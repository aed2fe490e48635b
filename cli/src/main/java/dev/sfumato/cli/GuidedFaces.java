package dev.sfumato.cli;

import dev.sfumato.chart.HtmlReport;
import dev.sfumato.clip.ClipModel;
import dev.sfumato.guidance.ClipGuide;
import dev.sfumato.guidance.ClipPrompts;
import dev.sfumato.guidance.ColorGuide;
import dev.sfumato.guidance.Cutouts;
import dev.sfumato.guidance.GradientMode;
import dev.sfumato.guidance.Guidance;
import dev.sfumato.guidance.Guide;
import dev.sfumato.guidance.PowerLawCutouts;
import dev.sfumato.guidance.ScheduledGuide;
import dev.sfumato.picture.GifWriter;
import dev.sfumato.picture.Pictures;
import dev.sfumato.picture.Png;
import dev.sfumato.pipeline.DiffusionPipeline;
import dev.sfumato.sampling.SamplingOptions;
import dev.sfumato.tensor.Device;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.awt.image.BufferedImage;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.Consumer;
import java.util.stream.IntStream;

/**
 * The part of {@code quickstart} about guidance: faces from one noise, first unguided, then steered
 * towards a colour, then towards texts.
 */
final class GuidedFaces {
  private static final int COUNT = 10;
  private static final int STEPS = 50;
  private static final String COLOR = "#1ae680";
  private static final double COLOR_SCALE = 40;
  private static final List<String> TEXTS = List.of("red hair", "glasses");
  private static final double TEXT_SCALE = 100;

  /**
   * Shows the whole picture, plain and mirrored; this draws no random numbers, so the noise is the
   * same.
   */
  private static final Cutouts WHOLE = new PowerLawCutouts(2, 1, 1, 1);

  private static final List<String> LABELS =
      List.of(
          "as the model draws",
          "towards the colour " + COLOR,
          "towards \"" + TEXTS.get(0) + "\"",
          "towards \"" + TEXTS.get(1) + "\"");

  private final List<BufferedImage> frames = new ArrayList<>();
  private final DiffusionPipeline pipeline;
  private final long seed;

  private GuidedFaces(DiffusionPipeline pipeline, long seed) {
    this.pipeline = pipeline;
    this.seed = seed;
  }

  /** Draws into {@code directory} and returns the report's sections about it. */
  static List<HtmlReport.Section> draw(Path directory, ComputeOptions compute, Device device) {
    Path model = EmbeddedFiles.FACES.copyTo(directory.resolve("faces-model"));
    Path clipModel = EmbeddedFiles.CLIP.copyTo(directory.resolve("clip-model"));
    long start = System.nanoTime();
    try (Scope scope = Scope.open();
        DiffusionPipeline pipeline = DiffusionPipeline.load(model);
        ClipModel clip = ClipModel.load(clipModel)) {
      compute.place(pipeline, device);
      compute.place(clip, device);
      GuidedFaces faces = new GuidedFaces(pipeline, compute.seed);
      List<Tensor> rows = faces.rows(clip);
      Png.write(directory.resolve("faces.png"), Pictures.grid(Tensor.cat(rows, 0), rows.size()));
      Path noise = directory.resolve("from-noise.gif");
      new GifWriter(Duration.ofMillis(120), true).write(noise, faces.frames);
      return List.of(
          new HtmlReport.Heading("Steer a model that knows no classes"),
          new HtmlReport.Paragraph(
              String.format(
                  Locale.ROOT,
                  "Each row starts from the same noise, seed %d. All rows took %.0f seconds.",
                  compute.seed,
                  (System.nanoTime() - start) / 1e9)),
          new HtmlReport.Rows(
              IntStream.range(0, rows.size())
                  .mapToObj(
                      i -> HtmlReport.Picture.of(Pictures.grid(rows.get(i), 1), LABELS.get(i)))
                  .toList()),
          HtmlReport.Picture.read(noise, "The first row on its way from noise to pictures."),
          new HtmlReport.Commands(commands()));
    }
  }

  private static String commands() {
    return String.format(
        Locale.ROOT,
        """
        ./sfumato sample --model models/faces --count %1$d --steps %2$d
        ./sfumato sample --model models/faces --count %1$d --steps %2$d --guide color=%3$s --scale %4$.0f
        ./sfumato sample --model models/faces --count %1$d --steps %2$d --guide clip="%5$s" --scale %6$.0f \\
            --clip models/clip-faces --cuts 2 --cut-power 1 --cut-overview 1""",
        COUNT,
        STEPS,
        COLOR,
        COLOR_SCALE,
        TEXTS.get(0),
        TEXT_SCALE);
  }

  /** Returns a row without a guide, one for the colour, and one for each text. */
  private List<Tensor> rows(ClipModel clip) {
    List<Tensor> rows = new ArrayList<>();
    rows.add(row("draw faces", Guidance.NONE, x -> frames.add(Pictures.grid(x, 1))));
    rows.add(row("steer by a colour", by(ColorGuide.parse(COLOR), COLOR_SCALE), x -> {}));
    for (String text : TEXTS) {
      Guide guide = new ClipGuide(clip, WHOLE, ClipPrompts.ofTexts(clip, text));
      rows.add(row("steer by a text", by(guide, TEXT_SCALE), x -> {}));
    }
    return rows;
  }

  private static Guidance by(Guide guide, double scale) {
    return Guidance.of(List.of(ScheduledGuide.of("guide", guide, scale)), GradientMode.SHORTCUT);
  }

  private Tensor row(String task, Guidance guidance, Consumer<Tensor> watcher) {
    SamplingOptions options =
        SamplingOptions.defaults()
            .withCount(COUNT)
            .withBatchSize(COUNT)
            .withSteps(STEPS)
            .withGuidance(guidance)
            .withSeed(seed);
    try (StepProgress progress = new StepProgress(task, 0, STEPS)) {
      return pipeline.sample(
          options,
          (step, x) -> {
            progress.stepTo(step.index() + 1);
            watcher.accept(x);
          });
    }
  }
}
