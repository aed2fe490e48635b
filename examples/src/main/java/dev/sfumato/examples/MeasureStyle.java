package dev.sfumato.examples;

import dev.sfumato.clip.ClipModel;
import dev.sfumato.data.DataOptions;
import dev.sfumato.data.Dataset;
import dev.sfumato.data.Datasets;
import dev.sfumato.evaluation.FeatureStatistics;
import dev.sfumato.nn.Weights;
import dev.sfumato.picture.Pictures;
import dev.sfumato.picture.Pixels;
import dev.sfumato.picture.Png;
import dev.sfumato.pipeline.DiffusionPipeline;
import dev.sfumato.pipeline.LoadingOptions;
import dev.sfumato.sampling.Sampler;
import dev.sfumato.sampling.SamplingOptions;
import dev.sfumato.sampling.TextOptions;
import dev.sfumato.scheduler.SchedulerKind;
import dev.sfumato.tensor.Precision;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * Measures what fine-tuning to a new style keeps and gains: BASE CLIP STYLE OLD,OLD STEP,STEP
 * OUTPUT RUN...
 *
 * <p>For the base and for each run's checkpoints, raw and averaged: how often the face of a
 * held-out caption of the old data has what was asked for, and the Fréchet distance of drawn to
 * real test pictures of the new style. All models draw from the same noise. {@code OUTPUT} becomes
 * a folder with {@code style.csv}, the classifiers and a strip of pictures for each run, a column
 * for each step.
 */
public final class MeasureStyle {
  private static final String LORA = "pytorch_lora_weights.safetensors";
  private static final int COUNT = 100;
  private static final int BATCH = 50;
  private static final int STEPS = 12;

  private final Path base;
  private final ClipModel clip;
  private final FaceReaders readers;
  private final List<String> old;
  private final List<String> fresh;
  private final FeatureStatistics style;
  private final Path csv;

  private record Point(String line, Tensor oldFace, Tensor newFace) {}

  private MeasureStyle(String[] args, ClipModel clip, FaceReaders readers) throws IOException {
    base = Path.of(args[0]);
    this.clip = clip;
    this.readers = readers;
    old = readers.captions(COUNT);
    Dataset test = pictures(args[2], DataOptions.Split.TEST);
    fresh = test.captions().stream().limit(COUNT).toList();
    style = statistics(test, test.size());
    double real = statistics(pictures(args[2], DataOptions.Split.TRAIN), COUNT).distanceTo(style);
    System.out.printf(Locale.ROOT, "real pictures of the style are %.4f from each other%n", real);
    csv = Files.createDirectories(Path.of(args[5])).resolve("style.csv");
  }

  private static Dataset pictures(String data, DataOptions.Split split) {
    return Datasets.open(
        data, DataOptions.defaults().withSplit(split).withChannels(DataOptions.Channels.RGB));
  }

  private FeatureStatistics statistics(Dataset pictures, int count) {
    return FeatureStatistics.of(clip, IntStream.range(0, count).mapToObj(pictures::pixels));
  }

  /** Measures a base and its fine-tunings. */
  public static void main(String[] args) throws IOException {
    List<Integer> steps = Stream.of(args[4].split(",")).map(Integer::valueOf).toList();
    try (Scope scope = Scope.open();
        ClipModel clip = ClipModel.load(Path.of(args[1]));
        FaceReaders readers =
            new FaceReaders(
                List.of(args[3].split(",")), Optional.of(Path.of(args[5], "classifiers")))) {
      MeasureStyle measure = new MeasureStyle(args, clip, readers);
      List<String> lines = new ArrayList<>();
      lines.add("run,weights,step,background,hair,glasses,distance");
      Point before = measure.point("base,raw,0", measure.base, LoadingOptions.DEFAULT, null);
      lines.add(before.line());
      for (String run : List.of(args).subList(6, args.length)) {
        measure.run(Path.of(run), steps, before, lines);
      }
    }
  }

  private void run(Path run, List<Integer> steps, Point before, List<String> lines)
      throws IOException {
    for (boolean averaged : new boolean[] {false, true}) {
      List<Point> points = new ArrayList<>(List.of(before));
      for (int step : steps) {
        Path checkpoint = run.resolve(String.format(Locale.ROOT, "checkpoints/step-%06d", step));
        Path average = checkpoint.resolve("ema.safetensors");
        if (!Files.exists(averaged ? average : checkpoint)) {
          continue;
        }
        String name = run.getFileName() + (averaged ? ",ema," : ",raw,") + step;
        points.add(
            Files.exists(checkpoint.resolve(LORA))
                ? point(
                    name, base, LoadingOptions.DEFAULT.withLora(checkpoint.resolve(LORA), 1), null)
                : point(name, checkpoint, LoadingOptions.DEFAULT, averaged ? average : null));
        lines.add(points.get(points.size() - 1).line());
        Files.write(csv, lines);
      }
      if (points.size() > 1) {
        List<Tensor> faces =
            Stream.concat(points.stream().map(Point::oldFace), points.stream().map(Point::newFace))
                .toList();
        Png.write(
            csv.resolveSibling(run.getFileName() + (averaged ? "-ema.png" : ".png")),
            Pictures.grid(Tensor.cat(faces, 0), 2));
      }
    }
  }

  private Point point(String name, Path model, LoadingOptions options, Path average) {
    try (Scope scope = Scope.open();
        DiffusionPipeline pipeline = DiffusionPipeline.load(model, options)) {
      pipeline.precision(Precision.BF16);
      if (average != null) {
        pipeline.network().load(Weights.of(average));
      }
      Map<String, List<Boolean>> right = new LinkedHashMap<>();
      Tensor oldFaces = draw(pipeline, old);
      readers.read(oldFaces, old).forEach(right::put);
      Tensor newFaces = draw(pipeline, fresh);
      Stream<Pixels> pixels =
          IntStream.range(0, fresh.size()).mapToObj(i -> Pictures.pixels(newFaces.narrow(0, i, 1)));
      double distance = FeatureStatistics.of(clip, pixels).distanceTo(style);
      StringBuilder line = new StringBuilder(name);
      right
          .values()
          .forEach(a -> line.append(String.format(Locale.ROOT, ",%.1f", FaceReaders.percent(a))));
      line.append(String.format(Locale.ROOT, ",%.4f", distance));
      System.out.println(line);
      return new Point(
          line.toString(),
          scope.keep(oldFaces.narrow(0, 0, 1)),
          scope.keep(newFaces.narrow(0, 0, 1)));
    }
  }

  private static Tensor draw(DiffusionPipeline pipeline, List<String> captions) {
    List<Tensor> drawn = new ArrayList<>();
    for (int from = 0; from < captions.size(); from += BATCH) {
      List<String> asked = captions.subList(from, Math.min(from + BATCH, captions.size()));
      drawn.add(
          pipeline.sample(
              SamplingOptions.defaults()
                  .withText(TextOptions.NONE.withPrompts(asked).withGuidanceScale(3))
                  .withCount(asked.size())
                  .withScheduler(SchedulerKind.DPMSOLVER_PLUS_PLUS)
                  .withSteps(STEPS)
                  .withSeed(from),
              Sampler.Listener.NONE));
    }
    return Tensor.cat(drawn, 0);
  }
}
