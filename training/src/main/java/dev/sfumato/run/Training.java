package dev.sfumato.run;

import static dev.sfumato.InvalidOptionException.require;

import dev.sfumato.InvalidOptionException;
import dev.sfumato.SfumatoException;
import dev.sfumato.data.BatchOptions;
import dev.sfumato.data.DataOptions;
import dev.sfumato.data.Dataset;
import dev.sfumato.data.HeldOut;
import dev.sfumato.data.Survey;
import dev.sfumato.pipeline.DiffusionPipeline;
import dev.sfumato.pipeline.PixelPipeline;
import dev.sfumato.pipeline.StableDiffusionPipeline;
import dev.sfumato.tensor.Device;
import dev.sfumato.tensor.Precision;
import dev.sfumato.tensor.ProcessGroup;
import dev.sfumato.training.DenoisingLoss;
import dev.sfumato.training.LatentCache;
import dev.sfumato.training.Objective;
import dev.sfumato.training.TrainedWeights;
import dev.sfumato.training.TrainingLoss;
import dev.sfumato.training.TrainingOptions;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;

/**
 * Trains a model on pictures and writes it into a directory. {@link #run} does the same as {@code
 * sfumato train} and {@code sfumato finetune}, and leaves the same files.
 *
 * <pre>{@code
 * Training.fineTuning("models/faces", "pictures", Path.of("runs/mine"))
 *     .withOptions(TrainingOptions.fineTuning().withMaxSteps(200))
 *     .run(report -> System.out.println(report.step() + ": " + report.loss()));
 * }</pre>
 *
 * <p>Immutable.
 */
public final class Training implements Cloneable {
  private enum Start {
    NEW,
    OVERWRITE,
    RESUME
  }

  private final Path output;
  private TrainedModel model;
  private TrainingPictures pictures;
  private Start start = Start.NEW;
  private Optional<Path> resumed = Optional.empty();
  private TrainingOptions options = TrainingOptions.defaults();
  private BatchOptions batches = BatchOptions.defaults();
  private Objective objective = Objective.defaults();
  private LatentCache latentCache = LatentCache.MEMORY;
  private WatchOptions watch = WatchOptions.defaults();
  private Optional<ClassFolders> classes = Optional.empty();
  private Optional<Device> device = Optional.empty();
  private Optional<Precision> precision = Optional.empty();
  private Map<String, Object> notes = Map.of();
  private Optional<String> description = Optional.empty();
  private Optional<String> license = Optional.empty();

  private Training(TrainedModel model, TrainingPictures pictures, Path output) {
    this.model = model;
    this.pictures = pictures;
    this.output = output;
  }

  /**
   * Returns a training that starts from a trained model, with defaults for fine-tuning; of a
   * text-to-image model it trains a LoRA unless {@link #withMethod} says otherwise.
   *
   * @param model a directory in diffusers' layout, a Stable Diffusion in one {@code .safetensors}
   *     or {@code .ckpt} file, or {@code org/name[@revision]} of the Hub
   * @param data the pictures, in a form that {@link dev.sfumato.data.Datasets#open} accepts
   * @param output the directory for the model and all files of the run
   */
  public static Training fineTuning(String model, String data, Path output) {
    return fromScratch(data, output)
        .withModel(model)
        .with(t -> t.model = t.model.tuned())
        .withOptions(TrainingOptions.fineTuning())
        .withBatches(BatchOptions.fineTuning());
  }

  /**
   * Returns a training of a new model on pictures; the parameters are those of {@link #fineTuning}.
   */
  public static Training fromScratch(String data, Path output) {
    return new Training(TrainedModel.NEW, TrainingPictures.named(data), output);
  }

  /**
   * Returns a training of a model in memory on pictures in memory. The pipeline still belongs to
   * the caller; its own weights are trained unless the run resumes from a checkpoint.
   */
  public static Training of(DiffusionPipeline pipeline, Dataset pictures, Path output) {
    return new Training(TrainedModel.of(pipeline), TrainingPictures.of(pictures), output);
  }

  // ---- options

  /** Returns a copy that starts from this model: a directory, a file or an id of the Hub. */
  public Training withModel(String name) {
    return with(t -> t.model = t.model.named(name));
  }

  /** Returns a copy with the directory or file of the model named by {@link #withModel}. */
  public Training withModelDirectory(Path path) {
    return with(t -> t.model = t.model.at(path));
  }

  /** Returns a copy with a new model of this shape; a given model must have this shape. */
  public Training withModelOptions(ModelOptions shape) {
    return with(t -> t.model = t.model.with(shape));
  }

  /** Returns a copy that trains only some of the weights. */
  public Training withWeights(TrainedWeights weights) {
    return with(t -> t.model = t.model.with(weights));
  }

  /**
   * Returns a copy that changes this of a text-to-image model. Without this call {@link
   * #fineTuning} trains a LoRA of rank 16, and others all weights of the U-Net.
   */
  public Training withMethod(Method method) {
    return with(t -> t.model = t.model.with(method));
  }

  /** Returns a copy that also learns from pictures of the subject's class (DreamBooth). */
  public Training withPriorPreservation(PriorPreservation prior) {
    return with(t -> t.classes = Optional.of(new ClassFolders(prior)));
  }

  /** Returns a copy that computes layers again in the backward pass: less memory, more time. */
  public Training withGradientCheckpointing(boolean on) {
    return with(t -> t.model = t.model.withGradientCheckpointing(on));
  }

  /** Returns a copy with other options for reading pictures. */
  public Training withPictures(DataOptions reading) {
    return with(t -> t.pictures = t.pictures.with(reading));
  }

  /** Returns a copy that measures the validation loss on these pictures. */
  public Training withValidationData(String data) {
    return with(
        t -> t.pictures = t.pictures.with(new TrainingPictures.Validation(Optional.of(data), 0)));
  }

  /** Returns a copy that holds out a share of the pictures, in [0, 1), for the validation loss. */
  public Training withValidationShare(double share) {
    return with(
        t ->
            t.pictures = t.pictures.with(new TrainingPictures.Validation(Optional.empty(), share)));
  }

  /** Returns a copy with other options of the optimiser and the length of the run. */
  public Training withOptions(TrainingOptions other) {
    return with(t -> t.options = other);
  }

  /** Returns a copy with changed options of the optimiser and the length of the run. */
  public Training withOptions(UnaryOperator<TrainingOptions> change) {
    return withOptions(change.apply(options));
  }

  /** Returns a copy with other options for batches. */
  public Training withBatches(BatchOptions other) {
    return with(t -> t.batches = other);
  }

  /** Returns a copy with another objective. */
  public Training withObjective(Objective other) {
    return with(t -> t.objective = other);
  }

  /**
   * Returns a copy that keeps encoded pictures and captions there, or nowhere, for the next epochs;
   * only models with an autoencoder have them. The losses are the same.
   */
  public Training withLatentCache(LatentCache other) {
    return with(t -> t.latentCache = other);
  }

  /** Returns a copy with other samples, checkpoints and trackers. */
  public Training withWatch(WatchOptions other) {
    return with(t -> t.watch = other);
  }

  /** Returns a copy that runs on this device. */
  public Training withDevice(Device other) {
    return with(t -> t.device = Optional.of(other));
  }

  /**
   * Returns a copy that computes in this precision; weights that learn, gradients and sums stay
   * float32. In fp16, which needs a card, the loss is scaled ({@link
   * dev.sfumato.training.Trainer}).
   */
  public Training withPrecision(Precision other) {
    return with(t -> t.precision = Optional.of(other));
  }

  /**
   * Returns a copy that resumes from the newest checkpoint of the output directory; without one it
   * starts from the beginning.
   */
  public Training withResume() {
    return with(t -> t.start = Start.RESUME);
  }

  /** Returns a copy that resumes from this checkpoint. */
  public Training withResume(Path folder) {
    return withResume().with(t -> t.resumed = Optional.of(folder));
  }

  /** Returns a copy that deletes an earlier run's files in the output directory. */
  public Training withOverwrite() {
    return with(t -> t.start = Start.OVERWRITE);
  }

  /** Returns a copy with this seed for start weights, order, flips, noise and dropout. */
  public Training withSeed(long seed) {
    return withOptions(options.withSeed(seed)).withBatches(batches.withSeed(seed));
  }

  /** Returns a copy with more entries for {@code config.json}, such as a program's own options. */
  public Training withNotes(Map<String, Object> other) {
    return with(t -> t.notes = new LinkedHashMap<>(other));
  }

  /** Returns a copy whose model card begins with this paragraph instead of a plain sentence. */
  public Training withDescription(String text) {
    return with(t -> t.description = Optional.of(text));
  }

  /**
   * Returns a copy whose model card states a licence.
   *
   * @param id as the Hub names it, such as {@code cc0-1.0} or {@code creativeml-openrail-m}
   * @throws InvalidOptionException if it is not such a name
   */
  public Training withLicense(String id) {
    require(
        id.matches("[a-z0-9][a-z0-9.-]*"),
        "`license` must be a name of the Hub, such as cc0-1.0, apache-2.0 or other, not '"
            + id
            + "'");
    return with(t -> t.license = Optional.of(id));
  }

  private Training with(Consumer<Training> change) {
    try {
      Training changed = (Training) clone();
      change.accept(changed);
      return changed;
    } catch (CloneNotSupportedException e) {
      throw new AssertionError(e);
    }
  }

  // ---- running

  /** Trains to the end and saves, as {@link #run(TrainingRun.Listener)} does. */
  public TrainingResult run() {
    return run(report -> {});
  }

  /**
   * Trains to the end, or until {@code listener} asks to stop, and saves. An interrupt of the
   * thread, such as that of {@code future.cancel(true)}, also stops it after its step; then the
   * thread is still interrupted when this method returns.
   *
   * @throws SfumatoException if model and pictures do not suit each other, a file is missing or
   *     damaged, or the loss is not finite
   */
  public TrainingResult run(TrainingRun.Listener listener) {
    return run(ProcessGroup.alone(), listener);
  }

  /**
   * Runs as one of several processes that train together. The first writes everything; the
   * listeners of the others are only asked whether to stop.
   */
  public TrainingResult run(ProcessGroup processes, TrainingRun.Listener listener) {
    precision.or(model::precision).ifPresent(p -> p.requireOn(place()));
    model.requireSuits(classes.isPresent());
    if (!processes.isFirst()) {
      Optional<Path> checkpoint =
          Optional.of(processes.broadcast("")).filter(path -> !path.isEmpty()).map(Path::of);
      HeldOut heldOut = open(checkpoint, survey -> {});
      processes.barrier(); // the first draws class pictures
      try (TrainedModel.Loaded loaded = load(checkpoint, heldOut.training())) {
        return TrainingRun.follow(
            suited(loaded), loaded.pipeline(), heldOut, checkpoint, processes, listener);
      }
    }
    try (OutputDirectory directory = open()) {
      Optional<Path> checkpoint = checkpoint(directory);
      Training known = with(t -> t.model = model.identified(checkpoint, directory));
      processes.broadcast(checkpoint.map(Path::toString).orElse(""));
      listener.onTask("reading the pictures");
      int whole = batches.times(processes.size()).batchSize();
      HeldOut heldOut = known.open(checkpoint, survey -> listener.onSurvey(survey, whole));
      classes.ifPresent(c -> c.requireSuit(pictures, heldOut.training()));
      classes.filter(ClassFolders::isIncomplete).ifPresent(c -> known.draw(c, listener));
      processes.barrier();
      listener.onTask("preparing the model");
      try (TrainedModel.Loaded loaded = known.load(checkpoint, heldOut.training());
          TrainingRun run =
              new TrainingRun(
                  known.suited(loaded),
                  loaded.learner(),
                  heldOut,
                  directory,
                  checkpoint,
                  processes)) {
        run.run(listener);
        return run.result();
      }
    }
  }

  /** Opens the pictures, in the size and the colours of the model unless others were requested. */
  private HeldOut open(Optional<Path> checkpoint, Consumer<Survey> look) {
    HeldOut found =
        model
            .source(checkpoint)
            .map(pictures::following)
            .orElseGet(() -> model.pictures(pictures))
            .open(batches.seed(), look);
    return classes
        .map(c -> new HeldOut(c.paired(found.training()), found.validation()))
        .orElse(found);
  }

  private void draw(ClassFolders missing, TrainingRun.Listener listener) {
    listener.onTask("preparing the model that draws class pictures");
    model.draw(
        place(),
        base -> missing.complete(base, pictures.options().resolution(), options.seed(), listener));
  }

  private Device place() {
    return device.orElseGet(() -> Device.parse("auto"));
  }

  private TrainedModel.Loaded load(Optional<Path> checkpoint, Dataset dataset) {
    TrainedModel.Loaded loaded =
        model.load(
            checkpoint,
            dataset,
            options.seed(),
            objective.classDropout(),
            place(),
            precision.orElse(Precision.FP32));
    precision.ifPresent(loaded.pipeline()::precision);
    return loaded;
  }

  /** Returns these options with the learning rate that what learns usually takes, unless chosen. */
  private Training suited(TrainedModel.Loaded loaded) {
    Method.Kind kind = loaded.learner().method().kind();
    double usual = kind.usualLearningRate(options.learningRate().base());
    return withOptions(options.withUsualLearningRate(usual));
  }

  private OutputDirectory open() {
    if (resumed.isPresent()) {
      OutputDirectory.requireRun(output);
    }
    return start == Start.RESUME
        ? OutputDirectory.open(output)
        : OutputDirectory.create(output, start == Start.OVERWRITE);
  }

  /** Returns whether the named model is needed: not if a checkpoint holds all of it. */
  public boolean needsModel() {
    return kept().isEmpty();
  }

  /** Returns whether the model learns from texts, which its files tell. */
  public boolean isOfTexts() {
    return model.isOfTexts(kept());
  }

  /** Returns whether the result, a LoRA or a word, is of use only with the model itself. */
  public boolean learnsBesideModel() {
    return model.learnsBeside() && isOfTexts();
  }

  /** Returns the checkpoint to resume from, if it holds all of a model. */
  private Optional<Path> kept() {
    Optional<Path> checkpoint =
        start == Start.RESUME
            ? resumed.or(() -> OutputDirectory.latestCheckpoint(output))
            : Optional.empty();
    return checkpoint.filter(Files::isDirectory).filter(Learner::holdsModel);
  }

  private Optional<Path> checkpoint(OutputDirectory directory) {
    if (resumed.isPresent() && !Files.isDirectory(resumed.get())) {
      throw new SfumatoException(resumed.get() + ": there is no such checkpoint");
    }
    if (resumed.filter(folder -> !Files.exists(folder.resolve("progress.json"))).isPresent()) {
      throw new SfumatoException(
          resumed.get() + ": is not a checkpoint, such as step-000100: it has no progress.json");
    }
    return start == Start.RESUME ? resumed.or(directory::latestCheckpoint) : Optional.empty();
  }

  TrainingOptions options() {
    return options;
  }

  BatchOptions batches() {
    return batches;
  }

  int threads() {
    return pictures.options().threads();
  }

  WatchOptions watch() {
    return watch;
  }

  /** Returns the loss of a model of any kind on these pictures. */
  TrainingLoss loss(DiffusionPipeline pipeline, Dataset dataset) {
    classes.ifPresent(c -> TrainedModel.requireTexts(pipeline));
    if (pipeline instanceof PixelPipeline pixels) {
      return new DenoisingLoss(pixels.denoiser(), pipeline.scheduler(), objective);
    }
    DenoisingLoss loss =
        new DenoisingLoss((StableDiffusionPipeline) pipeline, objective, latentCache);
    return classes.map(c -> loss.withPrior(c.open(dataset, pictures.options()))).orElse(loss);
  }

  /** Returns the description of the model, for the model card. */
  String description(Learner learner) {
    return description.orElse(learner.kind() + ", " + model.origin() + " with Sfumato.");
  }

  /** Returns every option as requested, by name, without those that depend on the model. */
  public Map<String, Object> settings() {
    Map<String, Object> settings = new TreeMap<>(pictures.settings());
    settings.put("batch_size", batches.batchSize());
    settings.put("shuffle", batches.shuffle());
    settings.put("flip", batches.flip());
    settings.put("shuffle_tags", batches.tags().shuffled());
    settings.put("keep_tokens", batches.tags().kept());
    settings.putAll(options.settings());
    settings.putAll(objective.settings());
    settings.put("cache_latents", latentCache.kind().toString());
    settings.put("cache_dir", latentCache.folder().toString());
    settings.putAll(watch.settings());
    classes.ifPresent(c -> settings.putAll(c.prior().settings()));
    license.ifPresent(id -> settings.put("license", id));
    settings.putAll(model.settings());
    return settings;
  }

  /** Returns every resolved option by name, the content of {@code config.json}. */
  Map<String, Object> settings(Learner learner, Dataset dataset) {
    Map<String, Object> settings = new TreeMap<>(notes);
    settings.putAll(settings());
    settings.putAll(model.settings(learner));
    settings.putAll(TrainingPictures.settings(dataset));
    Object prompt = settings.get(TrainingPictures.PROMPT);
    if (prompt != null && !dataset.captions().contains(prompt)) {
      settings.remove(TrainingPictures.PROMPT); // all pictures have captions of their own
    }
    return settings;
  }
}
