package dev.sfumato.pipeline;

import dev.sfumato.InvalidOptionException;
import dev.sfumato.SfumatoException;
import dev.sfumato.checkpoint.LoraFile;
import dev.sfumato.checkpoint.LoraLayers;
import dev.sfumato.checkpoint.LoraOptions;
import dev.sfumato.clip.ClipTextEncoder;
import dev.sfumato.guidance.Conditioning;
import dev.sfumato.model.AutoencoderKL;
import dev.sfumato.model.Condition;
import dev.sfumato.model.LatentDenoiser;
import dev.sfumato.model.LatentSpace;
import dev.sfumato.model.PictureSpace;
import dev.sfumato.model.UNet2DConditionModel;
import dev.sfumato.nn.Module;
import dev.sfumato.picture.NamedPicture;
import dev.sfumato.picture.Pixels;
import dev.sfumato.sampling.Sampler;
import dev.sfumato.sampling.SamplingOptions;
import dev.sfumato.scheduler.SchedulerConfig;
import dev.sfumato.tensor.DType;
import dev.sfumato.tensor.Device;
import dev.sfumato.tensor.Precision;
import dev.sfumato.tensor.Rng;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

/**
 * Stable Diffusion 1, 2 and XL: a directory in the layout of diffusers' {@code
 * StableDiffusionPipeline} or {@code StableDiffusionXLPipeline}.
 *
 * <pre>
 * model_index.json
 * unet/          config.json and weights of a UNet2DConditionModel
 * vae/           config.json and weights of an AutoencoderKL
 * text_encoder/  config.json and weights of a CLIPTextModel; XL: also text_encoder_2
 * tokenizer/     the tokenizer; XL: also tokenizer_2
 * scheduler/     scheduler_config.json
 * safety_checker/, feature_extractor/ of Stable Diffusion 1: what flags pictures
 * </pre>
 */
public final class StableDiffusionPipeline implements DiffusionPipeline {
  /** Latent consistency models, whose guidance was distilled into the U-Net. */
  private static final Set<String> DISTILLED =
      Set.of("LatentConsistencyModelPipeline", "LatentConsistencyModelImg2ImgPipeline");

  private static final Set<String> CLASSES =
      Set.of(
          "StableDiffusionPipeline",
          "StableDiffusionImg2ImgPipeline",
          "StableDiffusionInpaintPipeline",
          "StableDiffusionXLPipeline",
          "StableDiffusionXLImg2ImgPipeline",
          "StableDiffusionXLInpaintPipeline");
  private static final int STEPS = 50;

  private StableDiffusionParts parts;
  private Optional<Refiner> refiner = Optional.empty();

  private StableDiffusionPipeline(StableDiffusionParts parts) {
    this.parts = parts;
  }

  /**
   * Loads a model by its directory, its file or its Hub id.
   *
   * @param name as in {@link DiffusionPipeline#load(String)}
   * @throws SfumatoException if it is none of them, or does not load
   */
  public static StableDiffusionPipeline load(String name) {
    return load(name, LoadingOptions.DEFAULT);
  }

  /** Loads a model by its name, with choices that its files leave. */
  public static StableDiffusionPipeline load(String name, LoadingOptions options) {
    return load(PipelineFiles.locate(name, options), options);
  }

  /**
   * Loads a model directory, or a file in the original layout.
   *
   * @throws SfumatoException naming the file that is missing or does not fit
   */
  public static StableDiffusionPipeline load(Path path) {
    return load(path, LoadingOptions.DEFAULT);
  }

  /**
   * Puts a model together from its parts, which then belong to it.
   *
   * @param unet the network of latents
   * @param autoencoder decodes them, such as that of {@code AutoencoderFile.load}
   * @param encoder reads prompts, such as that of {@code TextEncoderFile.load}
   * @param scheduler the settings of the noise
   * @throws SfumatoException if the parts do not fit
   */
  public static StableDiffusionPipeline of(
      UNet2DConditionModel unet,
      AutoencoderKL autoencoder,
      ClipTextEncoder encoder,
      SchedulerConfig scheduler) {
    return new StableDiffusionPipeline(
        StableDiffusionParts.of(unet, autoencoder, encoder, scheduler));
  }

  /** Loads a model directory or file, with choices that its files leave. */
  public static StableDiffusionPipeline load(Path path, LoadingOptions options) {
    StableDiffusionPipeline pipeline =
        new StableDiffusionPipeline(StableDiffusionParts.load(path, options));
    try {
      pipeline.precision(options.precision());
      options.words().forEach(pipeline::addTextualInversion);
      return pipeline;
    } catch (RuntimeException e) {
      pipeline.close();
      throw e;
    }
  }

  /** Returns true if {@code path} is such a model: a file, or a directory that says so. */
  public static boolean isIn(Path path) {
    return Files.isRegularFile(path)
        || Files.exists(path.resolve("model_index.json"))
            && Stream.of(CLASSES, DISTILLED)
                .anyMatch(known -> known.contains(ModelIndex.of(path).className()));
  }

  @Override
  public LatentDenoiser denoiser() {
    return new LatentDenoiser(parts.unet());
  }

  @Override
  public Module network() {
    return parts.unet();
  }

  /** Returns the autoencoder, whose weights are frozen. */
  public AutoencoderKL autoencoder() {
    return parts.autoencoder();
  }

  /**
   * Returns what the U-Net reads of B texts, in the current scope: their states (B, N, D) and, for
   * Stable Diffusion XL, their pooled vectors (B, P).
   */
  public Condition texts(List<String> texts) {
    return parts.prompts().texts(texts);
  }

  /** Returns in words all settings on which {@link #texts} depends beside the weights. */
  public String textSettings() {
    return parts.prompts().settings();
  }

  /** Returns the number of tokens at the end of a text that are not read, since it is too long. */
  public int unreadTokens(String text) {
    return parts.prompts().unread(text);
  }

  /** Returns the U-Net and the text encoders, whose weights learn if they want gradients. */
  public Module learners() {
    return new Learners(parts);
  }

  @Override
  public SchedulerConfig scheduler() {
    return parts.scheduler();
  }

  @Override
  public SchedulerConfig scheduler(SamplingOptions options) {
    SchedulerConfig own = parts.scheduler();
    SchedulerConfig asked = options.scheduler(own);
    boolean other = !asked.className().equals(own.className());
    // Missing keys get the other class's defaults, as in diffusers' from_config.
    if (other && !own.settings().containsKey("steps_offset") || kind() == StableDiffusionKind.XL) {
      return asked;
    }
    // Old files of Stable Diffusion 1 and 2 have a wrong offset.
    return options.scheduler(own.with("steps_offset", 1));
  }

  private StableDiffusionKind kind() {
    return parts.prompts().kind();
  }

  @Override
  public PictureSpace space() {
    return new LatentSpace(parts.autoencoder(), false);
  }

  @Override
  public PictureSpace space(SamplingOptions options) {
    return new LatentSpace(parts.autoencoder(), options.vaeTiling());
  }

  @Override
  public int pictureChannels() {
    return parts.autoencoder().config().outChannels();
  }

  @Override
  public List<Integer> pictureSize() {
    int scale = space().scale();
    return parts.unet().config().sampleSize().stream().map(side -> side * scale).toList();
  }

  @Override
  public SamplingOptions completed(SamplingOptions options) {
    TextConditions.require(options);
    boolean completes = options.mask().isPresent() || denoiser().readsMasks();
    if (completes && refiner.isPresent()) {
      throw new SfumatoException("a refiner does not complete pictures: leave out one of the two");
    }
    SamplingOptions complete = options;
    if (isDistilled()) {
      complete = options.withRun(options.run().withKeepsSteps(true));
    } else if (options.steps().isEmpty()) {
      complete = options.withSteps(STEPS);
    }
    if (complete.picture().isPresent()) {
      complete = completes ? complete : sizedLike(complete.picture().get(), complete);
      if (complete.strength().isEmpty()) {
        complete = complete.withStrength(kind().strength(completes));
      }
    }
    complete = DiffusionPipeline.super.completed(complete);
    requireMultiple("height", complete.height().getAsInt());
    requireMultiple("width", complete.width().getAsInt());
    double scale =
        isDistilled() ? StableDiffusionKind.DISTILLED_SCALE : kind().guidanceScale(completes);
    return options.text().guidanceScale().isPresent()
        ? complete
        : complete.withText(options.text().withGuidanceScale(scale));
  }

  private boolean isDistilled() {
    return DISTILLED.contains(className());
  }

  /** Draws at the picture's size, unless another is asked for. */
  private SamplingOptions sizedLike(NamedPicture like, SamplingOptions options) {
    if (options.height().isPresent() && options.width().isPresent()) {
      return options;
    }
    Pixels picture = like.pixels().get();
    int scale = space().scale();
    if (picture.height() < scale || picture.width() < scale) {
      throw new SfumatoException(
          String.format(
              Locale.ROOT,
              "the picture is %d x %d pixels, but the model draws at least %d x %d: give height and"
                  + " width",
              picture.width(),
              picture.height(),
              scale,
              scale));
    }
    return options.withSize(
        options.height().orElse(picture.height() / scale * scale),
        options.width().orElse(picture.width() / scale * scale));
  }

  private void requireMultiple(String name, int size) {
    int scale = space().scale();
    if (size % scale != 0) {
      throw new SfumatoException(
          name + " " + size + " is not a multiple of " + scale + ", which the model draws in");
    }
  }

  @Override
  public Conditioning conditioning(SamplingOptions options) {
    return new TextConditions(parts.unet(), parts.prompts()).of(options);
  }

  /**
   * {@inheritDoc}
   *
   * <p>Pictures that the model's safety checker flags are black, and a warning says so.
   *
   * @throws SfumatoException if the decoded pictures are not numbers
   */
  @Override
  public Tensor sample(SamplingOptions options, Sampler.Listener listener) {
    parts.prompts().tellCuts(options.text(), listener);
    try (Scope scope = Scope.open()) {
      Tensor pictures = Plan.draw(this, completed(options), this::plan, refiner, listener);
      if (!pictures.isFinite()) {
        throw new SfumatoException(
            "the decoded pictures are not numbers: draw in fp32, with a smaller guidance scale"
                + " or another autoencoder");
      }
      parts.checker().ifPresent(checker -> Blackening.apply(checker, pictures, listener));
      return scope.keep(pictures);
    }
  }

  private Plan plan(SamplingOptions options, LoadedSources sources, Rng random) {
    return new LatentPlan(space(options), denoiser().channels(), denoiser().readsMasks())
        .of(options, conditioning(options), sources, random);
  }

  /**
   * Lets another model take the last steps of each sampling, as the refiner of Stable Diffusion XL
   * does. It stays the caller's: to be moved and closed by it.
   *
   * @param start the part of the noise levels after which it takes over, above 0 and below 1;
   *     usually 0.8
   * @throws SfumatoException if the two do not share their latents
   */
  public void refineWith(StableDiffusionPipeline refiner, double start) {
    boolean alike =
        kind() == StableDiffusionKind.XL
            && refiner.kind() == StableDiffusionKind.XL
            && refiner.denoiser().channels() == denoiser().channels()
            && refiner.space().scale() == space().scale();
    if (!alike || refiner.denoiser().readsMasks()) {
      throw new SfumatoException(
          "a refiner of Stable Diffusion XL goes with a base model of Stable Diffusion XL: "
              + refiner.className()
              + " does not go with "
              + className());
    }
    this.refiner = Optional.of(new Refiner(refiner, start));
  }

  /** Adds a learned word as its file names it: {@link #addTextualInversion(Path, Optional)}. */
  public void addTextualInversion(Path file) {
    addTextualInversion(file, Optional.empty());
  }

  /**
   * Adds a word that was learned by textual inversion to the text encoders.
   *
   * @param file {@code .safetensors}, or {@code .pt} of a web interface, in which nothing is run;
   *     or a directory with {@code learned_embeds.safetensors}
   * @param token the word in prompts; if empty that of the file, else the file's name
   * @throws SfumatoException naming the file if it does not fit the model
   */
  public void addTextualInversion(Path file, Optional<String> token) {
    parts = parts.with(file, token);
  }

  /**
   * Puts a LoRA beside the weights of the U-Net and the text encoders. Several add up. Until it is
   * closed, its scale can change without loading anything again; {@link #save} leaves it out.
   *
   * @param path a file, or a directory with one
   * @param scale the factor of its changes
   * @throws SfumatoException naming the file if it does not fit the model, which then stays as it
   *     is; or if the scale is NaN or infinite
   */
  public LiveLora addLora(Path path, double scale) {
    LiveLora.requireFinite(scale);
    return new LiveLora(LoraFile.open(path).adapt(parts.loraTargets(), scale), scale);
  }

  /** Lets the weights of the text encoders learn, or stops that; without this call they do not. */
  public void trainTextEncoders(boolean on) {
    parts.prompts().encoders().stream()
        .flatMap(encoder -> encoder.model().parameters().values().stream())
        .forEach(weight -> weight.requiresGrad(on));
  }

  /**
   * Puts a new LoRA beside the weights of the U-Net, to be trained; it changes nothing yet. All
   * other weights stop learning.
   *
   * @param textEncoders whether it also changes the text encoders
   * @param seed of its start values
   * @throws dev.sfumato.InvalidOptionException if a target means no layer
   */
  public LiveLora newLora(LoraOptions options, boolean textEncoders, long seed) {
    return trained(LoraLayers.start(parts.loraTargets(), options, textEncoders, seed));
  }

  /**
   * Puts a LoRA beside the weights as {@link #addLora} does, to be trained further, its part for
   * text encoders included. All other weights stop learning.
   *
   * @param options the dropout; rank, alpha and layers, where they are set, must be the file's
   * @throws SfumatoException naming the file if it does not fit the model or the options
   */
  public LiveLora trainLora(Path path, LoraOptions options) {
    return trained(LoraLayers.train(parts.loraTargets(), options, path));
  }

  private LiveLora trained(LoraLayers layers) {
    freeze();
    return new LiveLora(layers, 1);
  }

  /**
   * Adds a word to the prompts that is to be learned (textual inversion; Gal et al., 2022). All
   * other weights stop learning.
   *
   * @param token the word, which the model must not know yet; of several vectors it stands for all
   * @param like a word of one token, whose vector is the start of all
   * @param vectors the number of vectors, at least 1
   * @throws SfumatoException if the model already knows {@code token}, or learns another, or if
   *     {@code like} has more than one token
   */
  public LearnedWord newWord(String token, String like, int vectors) {
    try (Scope scope = Scope.open()) {
      return learning(token, LearnedWord.start(parts.prompts().encoders(), token, like, vectors));
    }
  }

  /**
   * Continues with the word of {@link #newWord} that {@link LearnedWord#save} wrote.
   *
   * @throws SfumatoException if the file holds another word, or another number of vectors
   */
  public LearnedWord resumeWord(String token, int vectors, Path file) {
    try (Scope scope = Scope.open()) {
      boolean xl = kind() == StableDiffusionKind.XL;
      int encoders = parts.prompts().encoders().size();
      TextualInversion read = TextualInversion.read(file, Optional.empty(), xl, encoders);
      read.require(token, vectors);
      return learning(token, read.vectors());
    }
  }

  private LearnedWord learning(String token, List<Tensor> start) {
    PromptEncoder before = parts.prompts();
    parts = parts.with(before.learning(token, start));
    freeze();
    return new LearnedWord(
        token,
        parts.prompts().encoders(),
        kind() == StableDiffusionKind.XL,
        () -> parts = parts.with(before));
  }

  private void freeze() {
    networks().values().stream()
        .flatMap(network -> network.parameters().values().stream())
        .forEach(weight -> weight.requiresGrad(false));
  }

  /** Returns the networks by the names of their folders. */
  Map<String, Module> networks() {
    return parts.networks();
  }

  /** Returns the class of the pipeline in diffusers. */
  String className() {
    return String.valueOf(parts.index().get("_class_name"));
  }

  @Override
  public void to(Device device) {
    networks().values().forEach(network -> network.to(device));
  }

  @Override
  public void precision(Precision precision) {
    Precision loaded = parts.unet().precision();
    if (precision != loaded && parts.unet().isHalved()) {
      String asked = precision.name().toLowerCase(Locale.ROOT);
      throw new InvalidOptionException(
          "`precision`: the model was loaded in "
              + loaded.name().toLowerCase(Locale.ROOT)
              + (": load it in " + asked + " to compute in " + asked));
    }
    parts.unet().precision(precision);
    parts.prompts().encoders().forEach(encoder -> encoder.model().precision(precision));
  }

  @Override
  public void checkpointing(boolean on) {
    networks().values().forEach(network -> network.checkpointing(on));
  }

  @Override
  public Precision precision() {
    return parts.unet().precision();
  }

  @Override
  public void save(Path target, DType floats) {
    parts.save(target, floats);
  }

  @Override
  public void close() {
    networks().values().forEach(Module::close);
  }
}
