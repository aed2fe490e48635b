package dev.sfumato.cli;

import dev.sfumato.chart.HtmlReport;
import dev.sfumato.data.BatchOptions;
import dev.sfumato.picture.Pictures;
import dev.sfumato.picture.Png;
import dev.sfumato.pipeline.DiffusionPipeline;
import dev.sfumato.run.OutputDirectory;
import dev.sfumato.run.Training;
import dev.sfumato.run.WatchOptions;
import dev.sfumato.sampling.SamplingOptions;
import dev.sfumato.scheduler.RunOptions;
import dev.sfumato.scheduler.SchedulerKind;
import dev.sfumato.tensor.Device;
import dev.sfumato.tensor.Scope;
import dev.sfumato.training.Adam;
import dev.sfumato.training.TrainingOptions;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.stream.LongStream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code sfumato quickstart}: draw digits, steer faces, train, stop, resume, report. */
@Command(
    name = "quickstart",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    footer = {"%nExamples:", "  sfumato quickstart"},
    description =
        "Shows what Sfumato does in a few minutes: draws digits, steers faces towards a"
            + " colour and a"
            + " text, trains, stops and resumes, and writes an HTML report.")
final class QuickstartCommand implements Callable<Integer> {
  private static final int PER_DIGIT = 8;
  private static final int DIGITS = 10;
  private static final int STEPS = 40;
  private static final int ENOUGH_STEPS = 10_000;

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

  @Mixin ComputeOptions compute;

  @Override
  public Integer call() {
    Device device = compute.apply();
    output = output != null ? output : nextFreeName();
    List<HtmlReport.Section> report = new ArrayList<>();
    report.add(
        new HtmlReport.Lead(
            "One diffusion model drew digits on request. Another, which draws faces, was"
                + " steered towards a colour and towards texts. Then the first model was trained"
                + " further, stopped, and resumed from its checkpoint as if it had never"
                + " stopped."));
    try (OutputDirectory directory = OutputDirectory.create(output, false)) {
      tell("A short tour of Sfumato. Everything goes to " + output + ".");
      Path model = EmbeddedFiles.MNIST.copyTo(output.resolve("model"));
      tell("1. Drawing ten digits, eight times each, by the class that is asked for.");
      draw(model, device, report);
      tell("   -> " + output.resolve("digits.png"));
      tell("2. Steering faces of one noise: towards a colour, then towards two texts.");
      report.addAll(GuidedFaces.draw(output, compute, device));
      tell("   -> " + output.resolve("faces.png"));
      tell(
          String.format(
              Locale.ROOT,
              "3. Training the digit model for %.0f seconds, in two halves: the second goes on from"
                  + " the checkpoint of the first.",
              seconds));
      train(model, device, report);
      tell("   -> " + output.resolve("training"));
      Path page = output.resolve("report.html");
      new HtmlReport("Sfumato quickstart", report).write(page);
      tell("4. The report tells it with pictures; open it in a browser.");
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
          ./sfumato sample --model models/faces --guide color=teal --out teal.png
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

  /** Draws ten rows, one per digit, of eight pictures each. */
  private void draw(Path model, Device device, List<HtmlReport.Section> report) {
    long start = System.nanoTime();
    long[] labels =
        LongStream.range(0, DIGITS)
            .flatMap(d -> LongStream.generate(() -> d).limit(PER_DIGIT))
            .toArray();
    SamplingOptions options =
        SamplingOptions.defaults()
            .withCount(labels.length)
            .withBatchSize(labels.length)
            .withLabels(labels)
            .withScheduler(SchedulerKind.DDIM)
            .withSteps(STEPS)
            .withRun(RunOptions.defaults().withEta(1))
            .withSeed(compute.seed);
    try (Scope scope = Scope.open();
        DiffusionPipeline pipeline = DiffusionPipeline.load(model);
        StepProgress progress = new StepProgress("draw digits", 0, STEPS)) {
      compute.place(pipeline, device);
      var grid =
          Pictures.grid(
              pipeline.sample(options, (step, x) -> progress.stepTo(step.index() + 1)), DIGITS);
      Png.write(output.resolve("digits.png"), grid);
      report.add(new HtmlReport.Heading("Draw me a digit"));
      report.add(
          HtmlReport.Picture.of(
              grid,
              String.format(
                  Locale.ROOT,
                  "Eight of each digit, %d steps of ddim with eta 1, seed %d, %.0f seconds.",
                  STEPS,
                  compute.seed,
                  (System.nanoTime() - start) / 1e9)));
      report.add(
          new HtmlReport.Commands(
              "./sfumato sample --model models/mnist --class 7 --count 8 --scheduler ddim --eta 1 --out sevens.png"));
    }
  }

  /** Trains in two runs of half the time each, the second from the checkpoint of the first. */
  private void train(Path model, Device device, List<HtmlReport.Section> report) {
    Path data = EmbeddedFiles.DIGITS.copyTo(output.resolve("data"));
    Path folder = output.resolve("training");
    Training first =
        Training.fromScratch(data.toString(), folder)
            .withModel(model.toString())
            .withBatches(BatchOptions.defaults().withBatchSize(32))
            .withOptions(
                TrainingOptions.defaults()
                    .withMaxSteps(ENOUGH_STEPS)
                    .withOptimizer(Adam.Settings.adam()))
            .withWatch(WatchOptions.quiet())
            .withDescription(
                "A demonstration: a model of handwritten digits that `sfumato quickstart` went on"
                    + " training for a minute. It draws about as well as the model that it began"
                    + " with.")
            .withSeed(compute.seed)
            .withDevice(device)
            .withPrecision(compute.precision);
    List<List<String>> rows =
        List.of(
            trainFor(seconds / 2, "started from the built-in model", first),
            trainFor(seconds / 2, "resumed", first.withResume()));
    report.add(new HtmlReport.Heading("Train, stop, resume"));
    report.add(
        new HtmlReport.Table(List.of("part", "steps", "pictures per second", "mean loss"), rows));
    report.add(
        HtmlReport.Picture.read(
            output.resolve("training/loss.png"), "The loss of both parts in one curve."));
    report.add(
        new HtmlReport.Commands(
            "./sfumato train --data mnist --output runs/mnist --config mnist"
                + " --class-conditioning channels --beta-schedule squaredcos_cap_v2"
                + " --batch-size 128 --learning-rate 1e-3 --use-ema\n"
                + "./sfumato train --data mnist --output runs/mnist --resume"));
  }

  private static List<String> trainFor(double seconds, String name, Training training) {
    try (StepProgress progress = new StepProgress("train", 0, (long) seconds);
        TimedTraining timed = new TimedTraining(seconds, progress)) {
      return timed.row(name, training.run(timed));
    }
  }
}
