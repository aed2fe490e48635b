package dev.sfumato.examples;

import dev.sfumato.clip.ClipModel;
import dev.sfumato.data.DataOptions;
import dev.sfumato.data.Dataset;
import dev.sfumato.data.Datasets;
import dev.sfumato.evaluation.FeatureStatistics;
import dev.sfumato.evaluation.PictureClassifier;
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
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** Measures what fine-tuning keeps: BASE CLIP STYLE OLD,OLD STEP,STEP OUTPUT RUN... */
public final class MeasureStyle {
  private static final String LORA = "pytorch_lora_weights.safetensors";
  private static final int COUNT = 100;
  private static final int BATCH = 50;
  private static final int STEPS = 8;

  private final ClipModel clip;
  private final FaceReaders readers;
  private final PictureClassifier styles;
  private final List<String> old;
  private final List<String> fresh;
  private final FeatureStatistics style;
  private final Path output;
  private final List<String> lines = new ArrayList<>();

  private MeasureStyle(
      String style, Path output, ClipModel clip, FaceReaders readers, PictureClassifier styles)
      throws IOException {
    this.clip = clip;
    this.readers = readers;
    this.output = output;
    this.styles = styles;
    old = readers.captions(COUNT);
    Dataset test = pictures(style, DataOptions.Split.TEST);
    fresh = test.captions().stream().limit(COUNT).toList();
    this.style = statistics(test, test.size());
    double real =
        statistics(pictures(style, DataOptions.Split.TRAIN), COUNT).distanceTo(this.style);
    System.out.printf(Locale.ROOT, "real pictures of the style are %.4f from each other%n", real);
    Files.createDirectories(output.resolve("faces"));
    if (Files.exists(table())) {
      lines.addAll(Files.readAllLines(table()));
    } else {
      lines.add("run,weights,step,background,hair,glasses,old_style,new_style,distance");
    }
  }

  private static Dataset pictures(String data, DataOptions.Split split) {
    return Datasets.open(
        data, DataOptions.defaults().withSplit(split).withChannels(DataOptions.Channels.RGB));
  }

  private FeatureStatistics statistics(Dataset pictures, int count) {
    return FeatureStatistics.of(clip, IntStream.range(0, count).mapToObj(pictures::pixels));
  }

  private Path table() {
    return output.resolve("style.csv");
  }

  /**
   * Measures a base and the checkpoints of its fine-tunings, raw and averaged: how often the face
   * of a held-out caption of the old data has what was asked for and its own style, how often one
   * of a test caption of the new style has that style, and the Fréchet distance of these to real
   * pictures. All models draw from the same noise. {@code OUTPUT} becomes a folder with {@code
   * style.csv}, the classifiers, and an old and a new face of each model in {@code faces}. What it
   * has already is not measured again; {@link StyleCharts} draws it.
   */
  public static void main(String[] args) throws IOException {
    Path base = Path.of(args[0]);
    Path output = Path.of(args[5]);
    try (Scope scope = Scope.open();
        ClipModel clip = ClipModel.load(Path.of(args[1]));
        FaceReaders readers =
            new FaceReaders(
                List.of(args[3].split(",")), Optional.of(output.resolve("classifiers")));
        PictureClassifier styles = readers.styles(args[2], output.resolve("classifiers/style"))) {
      MeasureStyle measure = new MeasureStyle(args[2], output, clip, readers, styles);
      measure.point("base,raw,0", base, Optional.empty(), Optional.empty());
      for (String run : List.of(args).subList(6, args.length)) {
        for (String step : args[4].split(",")) {
          measure.checkpoint(base, Path.of(run), Integer.parseInt(step));
        }
      }
    }
  }

  private void checkpoint(Path base, Path run, int step) throws IOException {
    Path folder = run.resolve(String.format(Locale.ROOT, "checkpoints/step-%06d", step));
    Path lora = folder.resolve(LORA);
    Path average = folder.resolve("ema.safetensors");
    if (Files.exists(lora)) {
      point(run.getFileName() + ",raw," + step, base, Optional.of(lora), Optional.empty());
    } else if (Files.exists(folder)) {
      point(run.getFileName() + ",raw," + step, folder, Optional.empty(), Optional.empty());
      if (Files.exists(average)) {
        point(run.getFileName() + ",ema," + step, folder, Optional.empty(), Optional.of(average));
      }
    }
  }

  /** Measures a model, with a LoRA, or with averaged weights instead of its own. */
  private void point(String name, Path model, Optional<Path> lora, Optional<Path> average)
      throws IOException {
    if (lines.stream().anyMatch(line -> line.startsWith(name + ","))) {
      return;
    }
    LoadingOptions options =
        lora.map(file -> LoadingOptions.DEFAULT.withLora(file, 1)).orElse(LoadingOptions.DEFAULT);
    try (Scope scope = Scope.open();
        DiffusionPipeline pipeline = DiffusionPipeline.load(model, options)) {
      pipeline.precision(Precision.BF16);
      average.ifPresent(file -> pipeline.network().load(Weights.of(file)));
      Tensor oldFaces = draw(pipeline, old);
      Tensor newFaces = draw(pipeline, fresh);
      StringBuilder line = new StringBuilder(name);
      readers
          .read(oldFaces, old)
          .values()
          .forEach(
              answers ->
                  line.append(String.format(Locale.ROOT, ",%.1f", FaceReaders.percent(answers))));
      line.append(
          String.format(
              Locale.ROOT,
              ",%.1f,%.1f,%.4f",
              inStyle(oldFaces, old),
              inStyle(newFaces, fresh),
              distance(newFaces)));
      System.out.println(line);
      lines.add(line.toString());
      Png.write(
          output.resolve("faces").resolve(name.replace(',', '-') + ".png"),
          Pictures.grid(
              Tensor.cat(List.of(oldFaces.narrow(0, 0, 1), newFaces.narrow(0, 0, 1)), 0), 2));
      Files.write(table(), lines);
    }
  }

  /** Returns the percentage of faces that have the style of their captions. */
  private double inStyle(Tensor drawn, List<String> captions) {
    int[] read = styles.read(drawn);
    List<Boolean> right = new ArrayList<>();
    for (int i = 0; i < read.length; i++) {
      String seen = styles.card().classNames().get(read[i]);
      right.add(seen.equals(FaceReaders.style(captions.get(i))));
    }
    return FaceReaders.percent(right);
  }

  private double distance(Tensor drawn) {
    Stream<Pixels> pixels =
        IntStream.range(0, fresh.size()).mapToObj(i -> Pictures.pixels(drawn.narrow(0, i, 1)));
    return FeatureStatistics.of(clip, pixels).distanceTo(style);
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
