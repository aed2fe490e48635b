package dev.sfumato.run;

import static dev.sfumato.InvalidOptionException.require;

import dev.sfumato.InvalidOptionException;
import dev.sfumato.SfumatoException;
import dev.sfumato.checkpoint.LoraFile;
import dev.sfumato.checkpoint.LoraOptions;
import dev.sfumato.data.Dataset;
import dev.sfumato.hub.ContentHash;
import dev.sfumato.hub.FileChoice;
import dev.sfumato.hub.Hub;
import dev.sfumato.hub.ModelFiles;
import dev.sfumato.hub.ProgressListener;
import dev.sfumato.pipeline.DiffusionPipeline;
import dev.sfumato.pipeline.LoadingOptions;
import dev.sfumato.pipeline.PipelineFiles;
import dev.sfumato.pipeline.PixelPipeline;
import dev.sfumato.pipeline.StableDiffusionPipeline;
import dev.sfumato.tensor.Device;
import dev.sfumato.tensor.Precision;
import dev.sfumato.training.TrainedWeights;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * The model of a training: a given one, one in memory, or a new one.
 *
 * @param from its origin
 * @param shape the shape of a new model, or the requirements on a given one
 * @param weights the choice of weights to train
 * @param gradientCheckpointing whether layers are computed again in the backward pass
 * @param method what changes of a text-to-image model; empty: a LoRA if {@code tunes}, else all
 * @param tunes whether a given model is tuned, not trained from scratch
 */
record TrainedModel(
    From from,
    ModelOptions shape,
    TrainedWeights weights,
    boolean gradientCheckpointing,
    Optional<Method> method,
    boolean tunes) {
  private static final String HASH = "model_sha256";

  static final TrainedModel NEW =
      new TrainedModel(
          From.NOTHING,
          ModelOptions.defaults(),
          TrainedWeights.ALL,
          false,
          Optional.empty(),
          false);

  /** Samples during the training are not checked: whoever trains looks at them. */
  private static final LoadingOptions LOADING =
      LoadingOptions.DEFAULT.withoutSafetyChecker().withCompactWeights();

  /**
   * The number of pixels of a picture up to which weights in half precision are converted once.
   * Converting them in each step takes a tenth of a step of this size. In a larger one it takes
   * less, and gradients need the memory.
   */
  private static final long FEW_PIXELS = 256 * 256;

  /**
   * The origin of a model: a name of a directory, a file or the Hub, with the directory or file,
   * that of its autoencoder, and the SHA-256 of a file if they are known; or a pipeline in memory.
   */
  record From(
      Optional<String> name,
      Optional<Path> path,
      Optional<DiffusionPipeline> memory,
      Optional<Path> vae,
      Optional<String> hash) {
    static final From NOTHING =
        new From(
            Optional.empty(),
            Optional.empty(),
            Optional.empty(),
            Optional.empty(),
            Optional.empty());

    From at(Optional<Path> place, Optional<Path> autoencoder, Optional<String> sha256) {
      return new From(name, place, memory, autoencoder, sha256);
    }
  }

  /** The place of a model's files, and the choices for loading them. */
  record Source(Path path, LoadingOptions options) {}

  /** A model to train, which is freed in the end unless it belongs to the caller. */
  record Loaded(Learner learner, boolean own) implements AutoCloseable {
    DiffusionPipeline pipeline() {
      return learner.pipeline();
    }

    @Override
    public void close() {
      learner.close();
      if (own) {
        learner.pipeline().close();
      }
    }
  }

  static TrainedModel of(DiffusionPipeline pipeline) {
    Optional<Path> none = Optional.empty();
    return NEW.from(
        new From(Optional.empty(), none, Optional.of(pipeline), none, Optional.empty()));
  }

  TrainedModel named(String name) {
    return from(
        new From(
            Optional.of(name), from.path, Optional.empty(), Optional.empty(), Optional.empty()));
  }

  TrainedModel at(Path path) {
    return from(from.at(Optional.of(path), from.vae, Optional.empty()));
  }

  private TrainedModel from(From other) {
    return new TrainedModel(other, shape, weights, gradientCheckpointing, method, tunes);
  }

  TrainedModel with(ModelOptions other) {
    return new TrainedModel(from, other, weights, gradientCheckpointing, method, tunes);
  }

  TrainedModel with(TrainedWeights other) {
    return new TrainedModel(from, shape, other, gradientCheckpointing, method, tunes);
  }

  TrainedModel withGradientCheckpointing(boolean on) {
    return new TrainedModel(from, shape, weights, on, method, tunes);
  }

  TrainedModel with(Method other) {
    return new TrainedModel(from, shape, weights, gradientCheckpointing, Optional.of(other), tunes);
  }

  /** Returns a copy that is tuned. */
  TrainedModel tuned() {
    return new TrainedModel(from, shape, weights, gradientCheckpointing, method, true);
  }

  /**
   * Requires parts that the model takes, and a method that class pictures suit, if there are any.
   *
   * @throws InvalidOptionException if only a word learns, or a part of a given model is named that
   *     it has itself
   */
  void requireSuits(boolean classPictures) {
    require(
        from.memory.isEmpty() || !shape.texts().isGiven(),
        "a pipeline in memory has its `vae`: load it with another");
    require(
        from.name.isEmpty() || shape.texts().textEncoder().isEmpty(),
        "`textEncoder` is for a new model: a given one keeps its own");
    require(
        !classPictures || method.filter(m -> m.kind() == Method.Kind.TEXTUAL_INVERSION).isEmpty(),
        "`classPrompt` does not go with textual inversion, which changes one word only: the model"
            + " forgets nothing");
  }

  /** Returns the method for a model. */
  private Method methodFor(DiffusionPipeline pipeline) {
    return method.orElseGet(
        () ->
            tunes && pipeline instanceof StableDiffusionPipeline
                ? Method.lora(LoraOptions.defaults())
                : Method.full());
  }

  /** Returns the directory or file of the named model, after downloading it from the Hub. */
  private Optional<Path> path() {
    return from.path.or(
        () -> from.name.map(name -> located(name, new PipelineFiles(Optional.empty(), false))));
  }

  private Optional<Path> vae() {
    return from.vae.or(
        () -> shape.texts().autoencoder().map(name -> located(name, ModelFiles::autoencoder)));
  }

  private Optional<Source> base() {
    return path().map(path -> new Source(path, choices(path)));
  }

  /** Returns the choices that the files of the named model leave. */
  private LoadingOptions choices(Path path) {
    LoadingOptions options = vae().map(LOADING::withVae).orElse(LOADING);
    return shape
        .noise()
        .predictionType()
        .filter(type -> Files.isRegularFile(path)) // a directory says it
        .map(options::withPredictionType)
        .orElse(options);
  }

  private static Path located(String name, FileChoice choice) {
    return Hub.fromEnvironment().locate(name, choice, ProgressListener.NONE);
  }

  /** Returns the pictures in the size that a new model is described for, with what it needs. */
  TrainingPictures pictures(TrainingPictures asked) {
    if (from.memory.isPresent()) {
      return asked;
    }
    TrainingPictures sized = shape.size().map(asked::ofSize).orElse(asked);
    return shape.isOfTexts() ? sized.captioned() : sized.plain();
  }

  /**
   * Returns the files of the model to load, if any: a checkpoint that holds all of it, or else the
   * named one.
   */
  Optional<Source> source(Optional<Path> checkpoint) {
    return checkpoint
        .filter(Learner::holdsModel)
        .map(folder -> new Source(folder, LOADING))
        .or(this::base);
  }

  /**
   * Returns a copy that knows where its files lie, so that the Hub is asked once, and, for {@code
   * config.json}, the content of a model in one file.
   *
   * @param checkpoint the folder to go on from, if any
   * @param output the run
   * @throws SfumatoException if the run began with another content
   */
  TrainedModel identified(Optional<Path> checkpoint, OutputDirectory output) {
    Optional<String> before = checkpoint.map(c -> (String) output.settings().get(HASH));
    if (checkpoint.filter(Learner::holdsModel).isPresent()) {
      return from(from.at(from.path, from.vae, before)); // the files are not needed
    }
    if (checkpoint.isEmpty()) {
      method.flatMap(Learner::start).ifPresent(LoraFile::open); // before pictures are drawn
    }
    Optional<Path> path = path();
    Optional<String> hash = path.filter(Files::isRegularFile).map(ContentHash::sha256);
    if (hash.isPresent() && before.isPresent() && !hash.equals(before)) {
      throw new SfumatoException(
          path.get()
              + ": is not the file that the run began with: put that one back, or start anew in"
              + " another `output`");
    }
    return from(from.at(path, path.flatMap(base -> vae()), hash));
  }

  /** Returns whether the model learns from texts. */
  boolean isOfTexts(Optional<Path> checkpoint) {
    return checkpoint
        .filter(Learner::holdsModel)
        .or(this::path)
        .map(StableDiffusionPipeline::isIn)
        .or(() -> from.memory.map(StableDiffusionPipeline.class::isInstance))
        .orElseGet(shape::isOfTexts);
  }

  /**
   * Loads or makes the model, ready to be trained. Weights that stay as they are lie in the
   * precision in which they compute.
   *
   * @param checkpoint the folder to go on from, if any
   */
  Loaded load(
      Optional<Path> checkpoint,
      Dataset dataset,
      long seed,
      double classDropout,
      Device device,
      Precision precision) {
    Optional<Source> source = source(checkpoint);
    boolean own = source.isPresent() || from.memory.isEmpty();
    Precision stored = learnsBeside() ? precision : Precision.FP32;
    DiffusionPipeline pipeline =
        source
            .map(s -> DiffusionPipeline.load(s.path, s.options.withPrecision(stored)))
            .or(from::memory)
            .orElseGet(() -> shape.create(dataset, seed, classDropout));
    Loaded loaded = new Loaded(Learner.whole(pipeline), own);
    try {
      shape.requireSuits(pipeline);
      if (pipeline instanceof PixelPipeline pixels) {
        pixels.denoiser().sampleSize(dataset.height(), dataset.width());
      }
      loaded = new Loaded(Learner.of(pipeline, methodFor(pipeline), checkpoint, seed), own);
      loaded.learner.requireSuits(dataset);
      mark(loaded.learner);
      pipeline.network().checkpointing(gradientCheckpointing);
      if (own && device.isCpu() && (long) dataset.height() * dataset.width() <= FEW_PIXELS) {
        pipeline.network().widenWithinMemory();
      }
      pipeline.to(device);
      precision().ifPresent(pipeline::precision);
      return loaded;
    } catch (RuntimeException | Error e) {
      loaded.close();
      throw e;
    }
  }

  /** Returns the precision of a model in memory. */
  Optional<Precision> precision() {
    return from.memory.map(DiffusionPipeline::precision);
  }

  /** Returns whether the weights of a text-to-image model stay as they are. */
  boolean learnsBeside() {
    return method.map(m -> m.kind() != Method.Kind.FULL).orElse(tunes);
  }

  private void mark(Learner learner) {
    if (learner.isWhole()) {
      weights.mark(learner.pipeline().network().parameters());
    } else if (!weights.equals(TrainedWeights.ALL)) {
      throw new SfumatoException(
          "`trainOnly` and `freeze` are for `method` full: a LoRA has `loraTargets`");
    }
  }

  /**
   * Lets the model before its training draw.
   *
   * @throws SfumatoException if there is none, or it draws without texts
   */
  void draw(Device device, Consumer<DiffusionPipeline> work) {
    if (from.memory.isPresent()) {
      requireTexts(from.memory.get());
      work.accept(from.memory.get());
      return;
    }
    Source source =
        base()
            .orElseThrow(
                () -> new SfumatoException("class pictures are drawn by a `model`: name it"));
    try (DiffusionPipeline base = DiffusionPipeline.load(source.path, source.options)) {
      requireTexts(base);
      base.to(device);
      work.accept(base);
    }
  }

  /** Requires a model whose class pictures have a text. */
  static void requireTexts(DiffusionPipeline base) {
    if (!(base instanceof StableDiffusionPipeline)) {
      throw new SfumatoException("`classPrompt` needs a text-to-image model");
    }
  }

  /** Returns the origin of the weights, for the model card. */
  String origin() {
    return from.name
        .map(name -> "fine-tuned from `" + new BaseModel(name).shown() + "`")
        .orElse(from.memory.isPresent() ? "trained further" : "trained from scratch");
  }

  /** Returns the properties of a model and of what learns by the names of the options. */
  Map<String, Object> settings(Learner learner) {
    Map<String, Object> settings = new LinkedHashMap<>(shape.settings(learner.pipeline()));
    if (learner.pipeline() instanceof StableDiffusionPipeline) {
      settings.putAll(learner.settings());
    }
    return settings;
  }

  /** Returns every option as requested, by its name in {@code config.json}. */
  Map<String, Object> settings() {
    Map<String, Object> settings = new LinkedHashMap<>(shape.settings());
    from.name.ifPresent(name -> settings.put("model", name));
    from.hash.ifPresent(hash -> settings.put(HASH, hash));
    if (!weights.trainOnly().isEmpty()) {
      settings.put("train_only", weights.trainOnly());
    }
    if (!weights.freeze().isEmpty()) {
      settings.put("freeze", weights.freeze());
    }
    settings.put("gradient_checkpointing", gradientCheckpointing);
    return settings;
  }
}
