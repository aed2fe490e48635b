package dev.sfumato.cli;

import dev.sfumato.SfumatoException;
import dev.sfumato.chart.HtmlReport;
import dev.sfumato.data.BatchOptions;
import dev.sfumato.io.AtomicFile;
import dev.sfumato.picture.Png;
import dev.sfumato.run.Training;
import dev.sfumato.run.WatchOptions;
import dev.sfumato.training.Optimizer;
import dev.sfumato.training.TrainingOptions;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.zip.GZIPInputStream;
import java.util.zip.GZIPOutputStream;

/**
 * The part of {@code quickstart} about training: a model of handwritten digits learns to draw with
 * a broad brush.
 */
final class TunedDigits {
  private static final int ENOUGH_STEPS = 10_000;
  private static final int IDX_HEADER = 16;
  private static final int SIDE = 28;

  private final QuickstartCommand tour;
  private final Path model;
  private final Path tuned;

  TunedDigits(QuickstartCommand tour, Path model) {
    this.tour = tour;
    this.model = model;
    this.tuned = tour.output.resolve("training");
  }

  /** Trains in two runs of half the time each, the second from the checkpoint of the first. */
  List<HtmlReport.Section> draw() {
    Training first = training(broad(EmbeddedFiles.DIGITS.copyTo(tour.output.resolve("data"))));
    BufferedImage before = row(model);
    List<String> half = trainFor(tour.seconds / 2, "started from the built-in model", first);
    BufferedImage middle = row(tuned);
    List<String> whole = trainFor(tour.seconds / 2, "resumed", first.withResume());
    BufferedImage after = row(tuned);
    Png.write(tour.output.resolve("tuned.png"), after);
    return List.of(
        new HtmlReport.Heading("Fine-tune, stop, resume"),
        new HtmlReport.Paragraph(
            "The same noise each time. The data are the same digits, in broad strokes."),
        new HtmlReport.Rows(
            List.of(
                HtmlReport.Picture.of(before, "before"),
                HtmlReport.Picture.of(middle, "half-way, when it was stopped"),
                HtmlReport.Picture.of(after, "after"))),
        new HtmlReport.Table(
            List.of("part", "steps", "pictures per second", "mean loss"), List.of(half, whole)),
        HtmlReport.Picture.chart(tuned.resolve("loss.png"), "The loss of both parts in one curve."),
        new HtmlReport.Commands(
            "./sfumato finetune --model models/mnist --data pictures/ --output runs/mine"
                + " --learning-rate 1e-4 --max-steps 1000\n"
                + "./sfumato train --output runs/mine --resume"));
  }

  /** Without guidance: the run trains no picture without its class. */
  private BufferedImage row(Path drawing) {
    return tour.digits(drawing, 1, 1, "draw digits");
  }

  private Training training(Path data) {
    return Training.fineTuning(model.toString(), data.toString(), tuned)
        .withBatches(BatchOptions.defaults().withBatchSize(16))
        .withOptions(
            TrainingOptions.fineTuning()
                .withGradientAccumulationSteps(1)
                .withLearningRate(1e-4)
                .withMaxSteps(ENOUGH_STEPS)
                .withOptimizer(Optimizer.Settings.adam()))
        .withWatch(WatchOptions.quiet())
        .withDescription(
            String.format(
                Locale.ROOT,
                "A demonstration: a model of handwritten digits that `sfumato quickstart`"
                    + " fine-tuned for %.0f seconds, to draw in broad strokes.",
                tour.seconds))
        .withSeed(tour.compute.seed)
        .withDevice(tour.device())
        .withPrecision(tour.compute.precision);
  }

  private static List<String> trainFor(double seconds, String name, Training training) {
    try (StepProgress progress = new StepProgress("train", 0, (long) seconds);
        TimedTraining timed = new TimedTraining(seconds, progress)) {
      return timed.row(name, training.run(timed));
    }
  }

  /** Makes the strokes in a folder of idx files broad: each pixel takes its lightest neighbour. */
  private static Path broad(Path folder) {
    for (String name : List.of("train-images-idx3-ubyte.gz", "t10k-images-idx3-ubyte.gz")) {
      Path file = folder.resolve(name);
      try (InputStream in = new GZIPInputStream(Files.newInputStream(file))) {
        ByteArrayOutputStream zipped = new ByteArrayOutputStream();
        try (GZIPOutputStream out = new GZIPOutputStream(zipped)) {
          out.write(broad(in.readAllBytes()));
        }
        AtomicFile.write(file, zipped.toByteArray());
      } catch (IOException e) {
        throw new SfumatoException(file + ": cannot be rewritten: " + AtomicFile.reason(e), e);
      }
    }
    return folder;
  }

  /** Neighbours across an edge need no care: digits have black margins. */
  private static byte[] broad(byte[] digits) {
    byte[] broad = digits.clone();
    for (int i = IDX_HEADER + SIDE + 1; i < digits.length - SIDE - 1; i++) {
      for (int row = -SIDE; row <= SIDE; row += SIDE) {
        for (int column = -1; column <= 1; column++) {
          int lightest = Math.max(broad[i] & 0xff, digits[i + row + column] & 0xff);
          broad[i] = (byte) lightest;
        }
      }
    }
    return broad;
  }
}
