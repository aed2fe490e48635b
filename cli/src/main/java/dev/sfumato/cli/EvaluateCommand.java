package dev.sfumato.cli;

import dev.sfumato.InvalidOptionException;
import dev.sfumato.SfumatoException;
import dev.sfumato.clip.ClipModel;
import dev.sfumato.data.DataOptions;
import dev.sfumato.evaluation.ClassReport;
import dev.sfumato.evaluation.ClassifierCard;
import dev.sfumato.evaluation.Evaluation;
import dev.sfumato.evaluation.FeatureStatistics;
import dev.sfumato.evaluation.PictureClassifier;
import dev.sfumato.evaluation.PictureSummary;
import dev.sfumato.io.AtomicFile;
import dev.sfumato.io.JsonFile;
import dev.sfumato.pipeline.PixelPipeline;
import dev.sfumato.pipeline.StableDiffusionPipeline;
import dev.sfumato.sampling.SamplingOptions;
import dev.sfumato.scheduler.SchedulerKind;
import dev.sfumato.tensor.Device;
import dev.sfumato.tensor.Scope;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code sfumato evaluate}. */
@Command(
    name = "evaluate",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    footer = {"Examples:", "  sfumato evaluate --model models/mnist --classes"},
    description = {
      "Measures a model by pictures that it samples, or a folder of pictures.",
      "With --classes: the share that shows the requested class, or the class of their"
          + " folder. Otherwise: number, sizes, brightness, contrast and repeated pictures.",
      "A model is sampled with ddim unless --scheduler says otherwise."
    })
final class EvaluateCommand implements Callable<Integer> {
  @Spec CommandSpec spec;

  /** The subject of the measurement, or the classifier to train. */
  static final class Subject {
    @Option(
        names = "--model",
        paramLabel = "DIR|ID",
        description =
            "Measure a model directory in diffusers' layout, or one of the Hub:"
                + " org/name[@revision].")
    String model;

    @Option(
        names = "--images",
        paramLabel = "DATA",
        description =
            "Measure pictures: a folder, a Parquet file, an archive or anything that train"
                + " takes as --data (the test pictures, if there are any).")
    String images;

    @Option(
        names = "--train-classifier",
        paramLabel = "DIR",
        description = "Train a classifier on the pictures of --data and write it here.")
    Path trainClassifier;
  }

  @ArgGroup(multiplicity = "1")
  Subject subject;

  @Option(
      names = "--split",
      paramLabel = "NAME",
      description =
          "With --images and --against: part of the pictures, train, validation, test or all"
              + " (default: test if there are any, else validation, else train).")
  DataOptions.Split split;

  @Option(names = "--classes", description = "Recognise the class that each picture shows.")
  boolean classes;

  @Option(
      names = "--classifier",
      paramLabel = "DIR",
      description = "Classifier that reads the classes (default: the built-in one for digits).")
  Path classifier;

  @Option(
      names = "--count",
      paramLabel = "N",
      defaultValue = "1000",
      description =
          "Pictures to sample, spread evenly over the classes (default: ${DEFAULT-VALUE}).")
  int count;

  @Option(
      names = "--against",
      paramLabel = "DATA",
      description =
          "Pictures to compare with: prints the Fréchet distance between the two sets by the"
              + " image vectors of"
              + " --clip.")
  String against;

  @Option(
      names = "--clip",
      paramLabel = "DIR|ID",
      description = "With --against: a CLIP model, a path or a Hub id.")
  String clip;

  @Option(names = "--json", paramLabel = "FILE", description = "Write the results as JSON, too.")
  Path json;

  @Mixin ClassifierArguments training;
  @Mixin SamplingArguments sampling;
  @Mixin ComputeOptions compute;

  private final Map<String, Object> results = new LinkedHashMap<>();

  @Override
  public Integer call() {
    Device device = compute.apply();
    if ((against == null) != (clip == null)) {
      throw new InvalidOptionException("--against and --clip need each other");
    }
    if (json != null) {
      AtomicFile.requireWritable(json);
    }
    if (sampling.scheduler == null) {
      sampling.scheduler = SchedulerKind.DDIM;
    }
    if (subject.trainClassifier != null) {
      results.put("classifier", training.train(subject.trainClassifier, device, compute.seed));
    } else if (subject.model != null) {
      results.put("model", subject.model);
      measureModel(device);
    } else {
      results.put("images", subject.images);
      measurePictures(device);
    }
    if (json != null) {
      JsonFile.write(json, results);
    }
    return 0;
  }

  // ---- a model

  private void measureModel(Device device) {
    Path files = Downloads.pipeline(subject.model);
    if (StableDiffusionPipeline.isIn(files)) {
      throw new SfumatoException(
          subject.model
              + ": draws from texts: draw pictures with `sfumato sample --out-dir DIR` and measure"
              + " them with --images DIR");
    }
    try (Scope scope = Scope.open();
        PixelPipeline pipeline =
            StepProgress.during("load the model", () -> PixelPipeline.load(files))) {
      compute.place(pipeline, device);
      SamplingOptions options = options(pipeline);
      if (!classes) {
        summarise(drawn(pipeline, options), device);
        return;
      }
      try (PictureClassifier reader = classifier(device)) {
        reader.requireSuits(pipeline.denoiser());
        report(drawn(pipeline, options).classes(reader), reader.card());
      }
    }
  }

  private SamplingOptions options(PixelPipeline pipeline) {
    SamplingOptions asked = sampling.options();
    WrongCall.checked(spec, () -> asked.scheduler(pipeline.scheduler()));
    return Evaluation.completed(pipeline, asked.withCount(count).withSeed(compute.seed));
  }

  private Evaluation drawn(PixelPipeline pipeline, SamplingOptions options) {
    int steps = options.steps().getAsInt();
    System.out.printf(
        Locale.ROOT,
        "%s: %d pictures, %s, %d steps, seed %d%n%n",
        subject.model,
        count,
        sampling.scheduler,
        steps,
        compute.seed);
    results.put("scheduler", sampling.scheduler.toString());
    results.put("steps", steps);
    results.put("scheduler_options", sampling.schedulerOptions);
    results.put("eta", sampling.eta);
    results.put("class_guidance_scale", sampling.classGuidanceScale);
    results.put("seed", compute.seed);
    try (StepProgress progress = new StepProgress("sample", 0, steps)) {
      return Evaluation.ofModel(pipeline, options, (step, x) -> progress.stepTo(step.index() + 1));
    }
  }

  // ---- pictures

  private void measurePictures(Device device) {
    Evaluation pictures = pictures(subject.images);
    if (!classes) {
      summarise(pictures, device);
      return;
    }
    try (PictureClassifier reader = classifier(device)) {
      report(pictures.classes(reader), reader.card());
    }
  }

  private Evaluation pictures(String data) {
    return split == null ? Evaluation.ofPictures(data) : Evaluation.ofPictures(data, split);
  }

  private void summarise(Evaluation pictures, Device device) {
    PictureSummary summary = pictures.summary();
    results.put("pictures", summary);
    System.out.println(summary.table());
    if (against != null) {
      compare(pictures, device);
    }
  }

  private void compare(Evaluation pictures, Device device) {
    try (Scope scope = Scope.open();
        ClipModel features = ClipModel.load(Downloads.clip(clip))) {
      compute.place(features, device);
      FeatureStatistics theirs =
          StepProgress.during("look at " + against, () -> pictures(against).features(features));
      double distance =
          StepProgress.during(
              "look at the pictures", () -> pictures.features(features).distanceTo(theirs));
      results.put("against", Map.of("images", against, "clip", clip, "distance", distance));
      System.out.printf(
          Locale.ROOT,
          "%ndistance %.5f to the %d pictures of %s, by %s%n",
          distance,
          theirs.count(),
          against,
          clip);
    }
  }

  private void report(ClassReport report, ClassifierCard card) {
    results.put("classes", report);
    results.put("classifier", card);
    System.out.println(report.table());
    System.out.printf(Locale.ROOT, "%nclassifier: %s%n", card.summary());
  }

  private PictureClassifier classifier(Device device) {
    PictureClassifier reader =
        classifier == null ? PictureClassifier.digits() : PictureClassifier.load(classifier);
    reader.to(device);
    return reader;
  }
}
