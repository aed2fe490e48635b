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
import java.util.function.Predicate;
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
  private final List<String> oldStyles;
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
    List<String> heldOut = readers.captions(Integer.MAX_VALUE);
    oldStyles = heldOut.stream().map(FaceReaders::style).distinct().sorted().toList();
    old =
        oldStyles.stream()
            .flatMap(name -> heldOut.stream().filter(asksFor(name)).limit(COUNT))
            .toList();
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
      lines.add(
          String.join(
              ",",
              "run,weights,step,background,hair,glasses",
              String.join(",", oldStyles),
              "new style,distance"));
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
   * Measures a base and the checkpoints of its fine-tunings, raw and averaged. Faces of held-out
   * captions, equally many of each old style, tell how often background, hair and glasses are as
   * asked, and how often each style is kept; faces of test captions how often they have the new
   * style, and their Fréchet distance to real pictures. All models draw from the same noise. {@code
   * OUTPUT} becomes a folder with {@code style.csv}, the classifiers, and a face of each style from
   * each model in {@code faces}. What it has already is not measured again; {@link StyleCharts}
   * draws it.
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
      readers.read(oldFaces, old).values().forEach(answers -> line.append(percent(answers)));
      oldStyles.forEach(style -> line.append(percent(inStyle(style, oldFaces, old))));
      line.append(percent(inStyle(FaceReaders.style(fresh.get(0)), newFaces, fresh)));
      line.append(String.format(Locale.ROOT, ",%.4f", distance(newFaces)));
      System.out.println(line);
      lines.add(line.toString());
      Png.write(
          output.resolve("faces").resolve(name.replace(',', '-') + ".png"),
          Pictures.grid(examples(oldFaces, newFaces), oldStyles.size() + 1));
      Files.write(table(), lines);
    }
  }

  /** Returns the first face of each old style, and of the new one. */
  private Tensor examples(Tensor oldFaces, Tensor newFaces) {
    List<Tensor> faces = new ArrayList<>();
    for (String name : oldStyles) {
      faces.add(oldFaces.narrow(0, oldStyles.indexOf(name) * COUNT, 1));
    }
    faces.add(newFaces.narrow(0, 0, 1));
    return Tensor.cat(faces, 0);
  }

  private static String percent(List<Boolean> answers) {
    return String.format(Locale.ROOT, ",%.1f", FaceReaders.percent(answers));
  }

  private static Predicate<String> asksFor(String style) {
    return caption -> style.equals(FaceReaders.style(caption));
  }

  /** Returns whether each face of a caption that asks for a style has it. */
  private List<Boolean> inStyle(String style, Tensor drawn, List<String> captions) {
    int[] read = styles.read(drawn);
    return IntStream.range(0, read.length)
        .filter(i -> asksFor(style).test(captions.get(i)))
        .mapToObj(i -> styles.card().classNames().get(read[i]).equals(style))
        .toList();
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
