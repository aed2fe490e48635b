package dev.sfumato.cli;

import dev.sfumato.InvalidOptionException;
import dev.sfumato.chart.HtmlReport;
import dev.sfumato.picture.Pictures;
import dev.sfumato.picture.Png;
import dev.sfumato.pipeline.DiffusionPipeline;
import dev.sfumato.run.OutputDirectory;
import dev.sfumato.sampling.SamplingOptions;
import dev.sfumato.tensor.Device;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.awt.image.BufferedImage;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.function.Consumer;
import java.util.stream.LongStream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/**
 * {@code sfumato quickstart}: draw digits, steer faces, draw from texts, fine-tune, stop, resume,
 * report.
 */
@Command(
    name = "quickstart",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    footer = {"Examples:", "  sfumato quickstart"},
    description =
        "Shows what Sfumato does in a few minutes: draws digits, steers faces towards a colour and"
            + " a text, draws faces from texts, fine-tunes, stops and resumes, and writes an HTML"
            + " report.")
final class QuickstartCommand implements Callable<Integer> {
  private static final int PER_DIGIT = 8;
  private static final int DIGITS = 10;
  private static final double CLASS_GUIDANCE = 4;

  @Option(
      names = "--output",
      paramLabel = "DIR",
      description = "Folder for all files (default: sfumato-quickstart, or the next free name).")
  Path output;

  @Option(
      names = "--seconds",
      paramLabel = "N",
      defaultValue = "60",
      description = "Seconds to train (default: ${DEFAULT-VALUE}).")
  double seconds;

  @Option(
      names = "--steps",
      paramLabel = "N",
      defaultValue = "25",
      description = "Steps of the scheduler for each picture (default: ${DEFAULT-VALUE}).")
  int steps;

  @Mixin ComputeOptions compute;

  private Device device;

  @Override
  public Integer call() {
    InvalidOptionException.require(seconds > 0, "--seconds must be above 0, not " + seconds);
    InvalidOptionException.require(steps >= 1, "--steps must be at least 1, not " + steps);
    device = compute.apply();
    output = output != null ? output : nextFreeName();
    List<HtmlReport.Section> report = new ArrayList<>();
    report.add(
        new HtmlReport.Lead(
            "One diffusion model drew digits on request. Another, which draws cartoon faces, was"
                + " steered towards a colour and towards texts. A third drew faces from texts alone."
                + " Then the first model was"
                + " fine-tuned to draw in broad strokes, stopped half-way, and resumed from its"
                + " checkpoint as if it had never stopped."));
    try (OutputDirectory directory = OutputDirectory.create(output, false)) {
      tell("A short tour of Sfumato. Everything goes to " + output + ".");
      Path model = EmbeddedFiles.MNIST.copyTo(output.resolve("model"));
      tell("1. Drawing ten digits, eight times each, by the class that is asked for.");
      report.addAll(drawDigits(model));
      tell("   -> " + output.resolve("digits.png"));
      tell("2. Steering faces of one noise: towards a colour, then towards two texts.");
      report.addAll(new GuidedFaces(this).draw());
      tell("   -> " + output.resolve("faces.png"));
      tell("3. Drawing faces from four texts.");
      report.addAll(new FacesFromTexts(this).draw());
      tell("   -> " + output.resolve("texts.png"));
      tell(
          String.format(
              Locale.ROOT,
              "4. Fine-tuning the digits to broad strokes for %.0f seconds, in two halves: the"
                  + " second goes on from the checkpoint of the first.",
              seconds));
      report.addAll(new TunedDigits(this, model).draw());
      tell("   -> " + output.resolve("tuned.png"));
      Path page = output.resolve("report.html");
      new HtmlReport("Sfumato quickstart", report).write(page);
      tell("5. The report tells it with pictures; open it in a browser.");
      tell(next());
      System.out.println(page);
    }
    return 0;
  }

  /** A line of the story, which stays on the screen. */
  private static void tell(String line) {
    System.err.println(line);
  }

  private static String next() {
    return """

        What to try next:
          ./sfumato sample --model models/cartoons --count 12 --steps 25 --out cartoons.png
          ./sfumato sample --model models/cartoons --steps 25 --guide color=teal --scale 400 --from 0.1 --out teal.png
          ./sfumato sample --model models/faces-sd --prompt "a smiling face with pink hair" --guidance-scale 3 --count 8 --out pink.png
          ./sfumato train --data FOLDER --output runs/mine --config faces-32 --use-ema
          ./sfumato help
        """;
  }

  private static Path nextFreeName() {
    Path name = Path.of("sfumato-quickstart");
    for (int i = 2; Files.exists(name); i++) {
      name = Path.of("sfumato-quickstart-" + i);
    }
    return name;
  }

  /** Draws ten columns, one per digit, of eight pictures each. */
  private List<HtmlReport.Section> drawDigits(Path model) {
    long start = System.nanoTime();
    BufferedImage grid = digits(model, PER_DIGIT, CLASS_GUIDANCE, "draw digits");
    Png.write(output.resolve("digits.png"), grid);
    return List.of(
        new HtmlReport.Heading("Draw me a digit"),
        HtmlReport.Picture.of(
            grid,
            String.format(
                Locale.ROOT,
                "Each of the ten digits eight times: %d steps, seed %d, %.0f seconds.",
                steps,
                compute.seed,
                (System.nanoTime() - start) / 1e9)),
        new HtmlReport.Commands(
            String.format(
                Locale.ROOT,
                "./sfumato sample --model models/mnist --class 7 --count 8 --steps %d"
                    + " --class-guidance-scale %.0f --out sevens.png",
                steps,
                CLASS_GUIDANCE)));
  }

  // ---- for the parts of the tour

  /** Draws rows of the ten digits, always of the same noise. */
  BufferedImage digits(Path model, int rows, double guidanceScale, String task) {
    SamplingOptions options =
        SamplingOptions.defaults()
            .withCount(rows * DIGITS)
            .withLabels(LongStream.range(0, DIGITS).toArray())
            .withGuidanceScale(guidanceScale);
    try (Scope scope = Scope.open();
        DiffusionPipeline pipeline = load(model)) {
      return Pictures.grid(sample(task, pipeline, options, x -> {}), rows);
    }
  }

  DiffusionPipeline load(Path model) {
    DiffusionPipeline pipeline = DiffusionPipeline.load(model);
    compute.place(pipeline, device);
    return pipeline;
  }

  /** Draws in the tour's steps and with its seed, behind a progress bar. */
  Tensor sample(
      String task, DiffusionPipeline pipeline, SamplingOptions options, Consumer<Tensor> watcher) {
    try (StepProgress progress = new StepProgress(task, 0, steps)) {
      return pipeline.sample(
          options.withSteps(steps).withSeed(compute.seed),
          (step, x) -> {
            progress.stepTo(step.index() + 1);
            watcher.accept(x);
          });
    }
  }

  Device device() {
    return device;
  }
}
