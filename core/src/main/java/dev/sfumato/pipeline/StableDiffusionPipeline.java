package dev.sfumato.pipeline;

import dev.sfumato.SfumatoException;
import dev.sfumato.checkpoint.AutoencoderFile;
import dev.sfumato.checkpoint.ModelParts;
import dev.sfumato.checkpoint.WholeModel;
import dev.sfumato.guidance.Conditioning;
import dev.sfumato.model.AutoencoderKL;
import dev.sfumato.model.AutoencoderKLConfig;
import dev.sfumato.model.Condition;
import dev.sfumato.model.LatentDenoiser;
import dev.sfumato.model.LatentSpace;
import dev.sfumato.model.PictureSpace;
import dev.sfumato.model.UNet2DConditionConfig;
import dev.sfumato.model.UNet2DConditionModel;
import dev.sfumato.nn.Module;
import dev.sfumato.picture.PictureReader;
import dev.sfumato.picture.Pixels;
import dev.sfumato.sampling.Sampler;
import dev.sfumato.sampling.SamplingOptions;
import dev.sfumato.scheduler.SchedulerConfig;
import dev.sfumato.tensor.Autograd;
import dev.sfumato.tensor.Construction;
import dev.sfumato.tensor.DType;
import dev.sfumato.tensor.Device;
import dev.sfumato.tensor.Precision;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.lang.System.Logger.Level;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

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
 * </pre>
 */
public final class StableDiffusionPipeline implements DiffusionPipeline {
  private static final System.Logger log =
      System.getLogger(StableDiffusionPipeline.class.getName());
  private static final Set<String> CLASSES =
      Set.of(
          "StableDiffusionPipeline",
          "StableDiffusionImg2ImgPipeline",
          "StableDiffusionXLPipeline",
          "StableDiffusionXLImg2ImgPipeline");
  private static final float WELL_MADE = 6;
  private static final float BADLY_MADE = 2.5f;
  private static final int STEPS = 50;
  private static final List<String> SUFFIXES = List.of("", "_2");

  private final LatentDenoiser denoiser;
  private final AutoencoderKL autoencoder;
  private final PromptEncoder prompts;
  private final SchedulerConfig scheduler;
  private final Map<String, Object> index;

  private StableDiffusionPipeline(
      LatentDenoiser denoiser,
      AutoencoderKL autoencoder,
      PromptEncoder prompts,
      SchedulerConfig scheduler,
      Map<String, Object> index) {
    this.denoiser = denoiser;
    this.autoencoder = autoencoder;
    this.prompts = prompts;
    this.scheduler = scheduler;
    this.index = index;
  }

  /**
   * Loads a model directory, or a file in the original layout.
   *
   * @throws SfumatoException naming the file that is missing or does not fit
   */
  public static StableDiffusionPipeline load(Path path) {
    return load(path, LoadingOptions.DEFAULT);
  }

  /** Loads a model with choices. */
  static StableDiffusionPipeline load(Path path, LoadingOptions options) {
    try (ModelParts parts = ModelParts.of(path, options.reading())) {
      return load(parts, options);
    }
  }

  private static StableDiffusionPipeline load(ModelParts parts, LoadingOptions options) {
    Map<String, Object> index = parts.index();
    if (has(index, "safety_checker")) {
      log.log(
          Level.WARNING,
          parts.source() + ": its safety checker is not supported: pictures are not checked");
    }
    try (Construction made = Construction.begin()) {
      SchedulerConfig scheduler = parts.scheduler();
      UNet2DConditionModel unet = filled(new UNet2DConditionModel(parts.unet()), parts, "unet");
      AutoencoderKL autoencoder = autoencoder(parts, options.vae());
      requireFit(unet.config(), autoencoder.config(), parts.source());
      List<TextEncoder> encoders = new ArrayList<>();
      for (String suffix : SUFFIXES) {
        if (has(index, "text_encoder" + suffix)) {
          encoders.add(TextEncoder.load(parts, suffix));
        }
      }
      PromptEncoder prompts = prompts(unet.config(), encoders, index, parts.source());
      StableDiffusionPipeline pipeline =
          new StableDiffusionPipeline(
              new LatentDenoiser(unet), autoencoder, prompts, settings(scheduler), index);
      made.complete();
      return pipeline;
    }
  }

  /** Returns true if {@code path} is such a model: a file, or a directory that says so. */
  static boolean isIn(Path path) {
    return Files.isRegularFile(path)
        || Files.exists(path.resolve("model_index.json"))
            && CLASSES.contains(ModelIndex.of(path).className());
  }

  private static AutoencoderKL autoencoder(ModelParts parts, Optional<Path> other) {
    AutoencoderKL autoencoder =
        other.isPresent()
            ? AutoencoderFile.load(other.get(), parts.autoencoder())
            : filled(new AutoencoderKL(parts.autoencoder()), parts, "vae");
    autoencoder.trainable().forEach(weight -> weight.requiresGrad(false));
    return autoencoder;
  }

  private static <T extends Module> T filled(T network, ModelParts parts, String part) {
    try (Scope scope = Scope.open()) {
      network.load(parts.weights(part));
      return network;
    }
  }

  private static void requireFit(
      UNet2DConditionConfig unet, AutoencoderKLConfig vae, Path directory) {
    if (unet.inChannels() != vae.latentChannels() || unet.outChannels() != vae.latentChannels()) {
      throw new SfumatoException(
          directory
              + ": the U-Net takes "
              + unet.inChannels()
              + " channels and the autoencoder has "
              + vae.latentChannels()
              + ": only models that draw from a text alone are supported");
    }
  }

  private static boolean has(Map<String, Object> index, String component) {
    return index.get(component) instanceof List<?> part && part.size() == 2 && part.get(1) != null;
  }

  private static PromptEncoder prompts(
      UNet2DConditionConfig unet,
      List<TextEncoder> encoders,
      Map<String, Object> index,
      Path directory) {
    boolean xl = unet.additionEmbedType().isPresent();
    if (encoders.isEmpty() || !xl && encoders.size() > 1) {
      throw new SfumatoException(
          directory
              + ": model_index.json names "
              + encoders.size()
              + " text encoders, which does not suit its U-Net");
    }
    if (xl && !encoders.get(encoders.size() - 1).model().projects()) {
      throw new SfumatoException(
          directory
              + ": the last text encoder has no text_projection.weight, which the U-Net needs");
    }
    boolean zeros = Boolean.TRUE.equals(index.getOrDefault("force_zeros_for_empty_prompt", xl));
    return new PromptEncoder(
        List.copyOf(encoders),
        xl ? PromptEncoder.Kind.XL : PromptEncoder.Kind.ONE_ENCODER,
        xl && zeros);
  }

  /**
   * Returns the model's own settings: latents are never limited, and old files have a wrong offset.
   */
  private SchedulerConfig own() {
    return prompts.kind() == PromptEncoder.Kind.ONE_ENCODER
        ? scheduler.with("steps_offset", 1)
        : scheduler;
  }

  private static SchedulerConfig settings(SchedulerConfig read) {
    return read.with("clip_sample", false);
  }

  @Override
  public LatentDenoiser denoiser() {
    return denoiser;
  }

  @Override
  public SchedulerConfig scheduler() {
    return scheduler;
  }

  @Override
  public SchedulerConfig scheduler(SamplingOptions options) {
    SchedulerConfig asked = options.scheduler(scheduler);
    boolean other = !asked.className().equals(scheduler.className());
    // Missing keys get the other class's defaults, as in diffusers' from_config.
    return other && !scheduler.settings().containsKey("steps_offset")
        ? asked
        : options.scheduler(own());
  }

  @Override
  public PictureSpace space() {
    return new LatentSpace(autoencoder, false);
  }

  @Override
  public int pictureChannels() {
    return autoencoder.config().outChannels();
  }

  @Override
  public List<Integer> pictureSize() {
    int scale = autoencoder.config().reduction();
    return denoiser.unet().config().sampleSize().stream().map(side -> side * scale).toList();
  }

  @Override
  public SamplingOptions completed(SamplingOptions options) {
    if (!options.classes().isEmpty()) {
      throw new SfumatoException(
          "the model draws texts: classes need a class-conditioned model, here give a prompt");
    }
    if (options.classifierFree().isOn()) {
      throw new SfumatoException(
          "the model draws texts: class guidance needs a class-conditioned model, here set the guidance scale");
    }
    if (options.text().prompts().isEmpty()) {
      throw new SfumatoException("the model draws texts: give a prompt");
    }
    if (options.mask().isPresent()) {
      throw new SfumatoException("a mask needs a model of pixels: this one has latents");
    }
    SamplingOptions complete =
        DiffusionPipeline.super.completed(
            started(options.steps().isPresent() ? options : options.withSteps(STEPS)));
    double scale = prompts.guidanceScale(options.text());
    complete = complete.withText(options.text().withGuidanceScale(scale));
    requireMultiple("height", complete.height().getAsInt());
    requireMultiple("width", complete.width().getAsInt());
    return complete;
  }

  /** Starts from a picture, by default with its own size and the usual strength. */
  private SamplingOptions started(SamplingOptions options) {
    if (options.picture().isEmpty()) {
      return options;
    }
    Path file = options.picture().get();
    SamplingOptions started =
        options.strength().isPresent()
            ? options
            : options.withPicture(file, prompts.kind().strength());
    if (options.height().isPresent() && options.width().isPresent()) {
      return started;
    }
    Pixels picture = PictureReader.read(file);
    int scale = autoencoder.config().reduction();
    return started.withSize(
        options.height().orElse(picture.height() / scale * scale),
        options.width().orElse(picture.width() / scale * scale));
  }

  private void requireMultiple(String name, int size) {
    int scale = autoencoder.config().reduction();
    if (size % scale != 0) {
      throw new SfumatoException(
          name + " " + size + " is not a multiple of " + scale + ", which the model draws in");
    }
  }

  @Override
  public Conditioning conditioning(SamplingOptions options) {
    try (Scope scope = Scope.open();
        Autograd.Recording off = Autograd.off()) {
      boolean distilled = denoiser.unet().config().timeCondProjDim().isPresent();
      Conditioning texts = prompts.conditioning(options.text(), options.count(), !distilled);
      Conditioning whole =
          new Conditioning(
              told(texts.given(), options, WELL_MADE),
              texts.missing().map(missing -> told(missing, options, BADLY_MADE)),
              texts.guidance());
      whole.given().keep(scope);
      whole.missing().ifPresent(missing -> missing.keep(scope));
      return whole;
    }
  }

  /**
   * Adds the sizes of XL, the scale of a distilled guidance, and results that each step would
   * repeat.
   */
  private Condition told(Condition texts, SamplingOptions options, float aesthetic) {
    UNet2DConditionConfig unet = denoiser.unet().config();
    Condition condition = texts;
    if (unet.additionEmbedType().isPresent()) {
      condition = condition.withSizes(sizes(texts, options, aesthetic).to(denoiser.device()));
    }
    if (unet.timeCondProjDim().isPresent()) {
      double scale = prompts.guidanceScale(options.text());
      condition =
          condition.withGuidance(
              GuidanceEmbedding.of(scale, unet.timeCondProjDim().get()).to(denoiser.device()));
    }
    return denoiser.unet().prepare(condition);
  }

  /** Returns size, crop and target size; the refiner has an aesthetic score instead of the last. */
  private Tensor sizes(Condition texts, SamplingOptions options, float aesthetic) {
    UNet2DConditionConfig unet = denoiser.unet().config();
    float height = options.height().getAsInt();
    float width = options.width().getAsInt();
    long numbers =
        (unet.projectionClassEmbeddingsInputDim().orElseThrow()
                - texts.vector().orElseThrow().size(1))
            / unet.additionTimeEmbedDim().orElseThrow();
    return numbers == 5
        ? Tensor.of(new float[] {height, width, 0, 0, aesthetic}, 1, 5)
        : Tensor.of(new float[] {height, width, 0, 0, height, width}, 1, 6);
  }

  /**
   * {@inheritDoc}
   *
   * @throws SfumatoException if the decoded pictures are not numbers
   */
  @Override
  public Tensor sample(SamplingOptions options, Sampler.Listener listener) {
    Tensor pictures = DiffusionPipeline.super.sample(options, listener);
    if (!pictures.isFinite()) {
      pictures.close();
      throw new SfumatoException(
          "the decoded pictures are not numbers: draw in fp32, with a smaller guidance scale"
              + " or another autoencoder");
    }
    return pictures;
  }

  /** Returns the networks by the names of their folders. */
  Map<String, Module> networks() {
    Map<String, Module> networks = new LinkedHashMap<>();
    networks.put("unet", denoiser.unet());
    networks.put("vae", autoencoder);
    for (int i = 0; i < prompts.encoders().size(); i++) {
      networks.put("text_encoder" + suffix(i), prompts.encoders().get(i).model());
    }
    return networks;
  }

  /** Returns the suffix of the folders of encoder {@code i}; a refiner has only the second. */
  private String suffix(int i) {
    return SUFFIXES.get(has(index, "text_encoder") ? i : 1);
  }

  /** Returns the class of the pipeline in diffusers. */
  String className() {
    return String.valueOf(index.get("_class_name"));
  }

  @Override
  public void to(Device device) {
    networks().values().forEach(network -> network.to(device));
  }

  @Override
  public void precision(Precision precision) {
    denoiser.unet().precision(precision);
    prompts.encoders().forEach(encoder -> encoder.model().precision(precision));
  }

  @Override
  public Precision precision() {
    return denoiser.unet().precision();
  }

  @Override
  public void save(Path target, DType floats) {
    Map<String, Object> written = new LinkedHashMap<>(index);
    for (String left : List.of("safety_checker", "feature_extractor", "image_encoder")) {
      written.computeIfPresent(left, (name, part) -> Arrays.asList(null, null));
    }
    Map<String, WholeModel.Text> texts = new LinkedHashMap<>();
    for (int i = 0; i < prompts.encoders().size(); i++) {
      TextEncoder text = prompts.encoders().get(i);
      texts.put(suffix(i), new WholeModel.Text(text.model(), text.tokenizer(), text.config()));
    }
    WholeModel model = new WholeModel(written, scheduler, denoiser.unet(), autoencoder, texts);
    if (target.toString().endsWith(".safetensors")) {
      model.writeFile(target, floats);
    } else {
      model.writeDirectory(target, floats);
    }
  }

  @Override
  public void close() {
    networks().values().forEach(Module::close);
  }
}
