package dev.sfumato.pipeline;

import dev.sfumato.SfumatoException;
import dev.sfumato.checkpoint.AutoencoderFile;
import dev.sfumato.checkpoint.LoraFile;
import dev.sfumato.checkpoint.LoraTargets;
import dev.sfumato.checkpoint.ModelParts;
import dev.sfumato.checkpoint.ReadingOptions;
import dev.sfumato.checkpoint.TextEncoderFile;
import dev.sfumato.checkpoint.WholeModel;
import dev.sfumato.clip.ClipTextEncoder;
import dev.sfumato.clip.ClipTextModel;
import dev.sfumato.clip.SafetyChecker;
import dev.sfumato.model.AutoencoderKL;
import dev.sfumato.model.AutoencoderKLConfig;
import dev.sfumato.model.LatentDenoiser;
import dev.sfumato.model.UNet2DConditionConfig;
import dev.sfumato.model.UNet2DConditionModel;
import dev.sfumato.nn.Module;
import dev.sfumato.scheduler.SchedulerConfig;
import dev.sfumato.tensor.Construction;
import dev.sfumato.tensor.DType;
import dev.sfumato.tensor.Precision;
import dev.sfumato.tensor.Scope;
import java.lang.System.Logger.Level;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The networks and settings of a Stable Diffusion model, and their files.
 *
 * @param unet the network of latents
 * @param autoencoder what decodes them; its weights are frozen
 * @param prompts the text encoders, whose weights are frozen
 * @param checker what flags pictures; empty if the model has none, or it was left out
 * @param scheduler the settings of the noise
 * @param index the content of {@code model_index.json}, kept for saving
 */
record StableDiffusionParts(
    UNet2DConditionModel unet,
    AutoencoderKL autoencoder,
    PromptEncoder prompts,
    Optional<SafetyChecker> checker,
    SchedulerConfig scheduler,
    Map<String, Object> index) {
  private static final System.Logger log = System.getLogger(StableDiffusionParts.class.getName());
  private static final List<String> SUFFIXES = List.of("", "_2");

  private static final String CHECKER = "safety_checker";

  /** The source of a model that was put together, for error messages. */
  private static final String NEW = "the model";

  /** Parts that are never read, and those that are not without a safety checker. */
  private static final List<String> WITH_CHECKER =
      List.of("image_encoder", CHECKER, "feature_extractor");

  /**
   * Reads a model directory or file.
   *
   * @throws SfumatoException naming the file that is missing or does not fit
   */
  static StableDiffusionParts load(Path path, LoadingOptions options) {
    if (Files.isDirectory(path)
        && !Files.exists(path.resolve("vae"))
        && !StableDiffusionPipeline.isIn(path)) {
      throw new SfumatoException(
          path + ": is not a text-to-image model: load it with DiffusionPipeline.load");
    }
    try (ModelParts files = ModelParts.of(path, options.reading());
        Construction made = Construction.begin()) {
      StableDiffusionParts parts = load(files, options);
      made.complete();
      return parts;
    }
  }

  /**
   * Checks the settings of a model directory whose weights may be missing.
   *
   * @throws SfumatoException naming what is not supported
   */
  static void requireSupported(Path directory) {
    try (ModelParts files = ModelParts.of(directory, ReadingOptions.DEFAULT)) {
      requireFit(files.unet(), files.autoencoder(), directory);
      files.scheduler(); // reading it checks it
    }
  }

  private static StableDiffusionParts load(ModelParts files, LoadingOptions options) {
    Map<String, Object> index = files.index();
    SchedulerConfig scheduler =
        files.scheduler().with("clip_sample", false); // latents are never limited
    AutoencoderKL autoencoder =
        options.vae().isPresent()
            ? AutoencoderFile.load(options.vae().get(), files.autoencoder())
            : filled(new AutoencoderKL(files.autoencoder()), files, "vae", Precision.FP32);
    autoencoder.trainable().forEach(weight -> weight.requiresGrad(false));
    requireFit(files.unet(), autoencoder.config(), files.source());
    UNet2DConditionModel unet =
        filled(new UNet2DConditionModel(files.unet()), files, "unet", options.precision());
    if (!options.compact()) {
      unet.widenWithinMemory();
    }
    List<TextEncoder> encoders = new ArrayList<>();
    for (String suffix : SUFFIXES) {
      if (has(index, "text_encoder" + suffix)) {
        encoders.add(TextEncoder.of(TextEncoderFile.load(files, suffix)));
      }
    }
    PromptEncoder prompts = prompts(unet.config(), encoders, index, files.source());
    StableDiffusionParts parts =
        new StableDiffusionParts(
            unet, autoencoder, prompts, checker(files, options), scheduler, index);
    options
        .loras()
        .forEach(lora -> LoraFile.open(lora.path()).mergeInto(parts.loraTargets(), lora.scale()));
    return parts;
  }

  /**
   * Puts the parts of a model with one text encoder together.
   *
   * @throws SfumatoException if they do not fit
   */
  static StableDiffusionParts of(
      UNet2DConditionModel unet,
      AutoencoderKL autoencoder,
      ClipTextEncoder encoder,
      SchedulerConfig scheduler) {
    requireFit(unet.config(), autoencoder.config(), NEW);
    autoencoder.trainable().forEach(weight -> weight.requiresGrad(false));
    Map<String, Object> index = index(unet, scheduler);
    return new StableDiffusionParts(
        unet,
        autoencoder,
        prompts(unet.config(), List.of(TextEncoder.of(encoder)), index, NEW),
        Optional.empty(),
        scheduler.with("clip_sample", false), // latents are never limited
        index);
  }

  private static Map<String, Object> index(UNet2DConditionModel unet, SchedulerConfig scheduler) {
    Map<String, Object> index = new LinkedHashMap<>();
    boolean completes = new LatentDenoiser(unet).readsMasks();
    index.put(
        "_class_name", completes ? "StableDiffusionInpaintPipeline" : "StableDiffusionPipeline");
    index.put("_diffusers_version", "0.40.0");
    WITH_CHECKER.forEach(part -> index.put(part, Arrays.asList(null, null)));
    index.put("requires_safety_checker", false);
    index.put("scheduler", List.of("diffusers", scheduler.className()));
    index.put("text_encoder", List.of("transformers", "CLIPTextModel"));
    index.put("tokenizer", List.of("transformers", "CLIPTokenizer"));
    index.put("unet", List.of("diffusers", "UNet2DConditionModel"));
    index.put("vae", List.of("diffusers", "AutoencoderKL"));
    return index;
  }

  private static Optional<SafetyChecker> checker(ModelParts files, LoadingOptions options) {
    if (!has(files.index(), CHECKER)) {
      return Optional.empty();
    }
    if (!options.checks()) {
      log.log(
          Level.WARNING,
          files.source() + ": its safety checker is left out: pictures are not checked");
      return Optional.empty();
    }
    try (Scope scope = Scope.open()) {
      return Optional.of(SafetyChecker.load(files.source(), files.weights(CHECKER)));
    }
  }

  /** Returns the layers of the U-Net and the text encoders. */
  LoraTargets loraTargets() {
    Map<String, ClipTextModel> texts = new LinkedHashMap<>();
    for (int i = 0; i < prompts.encoders().size(); i++) {
      texts.put(suffix(i), prompts.encoders().get(i).model());
    }
    return new LoraTargets(unet, texts);
  }

  private static <T extends Module> T filled(
      T network, ModelParts files, String part, Precision precision) {
    try (Scope scope = Scope.open()) {
      network.load(files.weights(part), precision);
      return network;
    }
  }

  /** Requires a U-Net of latents alone or, to complete pictures, of a mask and masked latents. */
  private static void requireFit(
      UNet2DConditionConfig unet, AutoencoderKLConfig vae, Object source) {
    int latents = vae.latentChannels();
    boolean takesThem = unet.inChannels() == latents || unet.inChannels() == 2 * latents + 1;
    if (!takesThem || unet.outChannels() != latents) {
      throw new SfumatoException(
          source
              + ": the U-Net takes "
              + unet.inChannels()
              + " channels and the autoencoder has "
              + latents
              + ": only models that draw from a text or complete a picture are supported");
    }
    if (unet.classEmbedType().isPresent() || unet.numClassEmbeds().isPresent()) {
      throw new SfumatoException(
          source
              + ": the U-Net also reads classes (class_embed_type or num_class_embeds): only models"
              + " that draw from a text or complete a picture are supported");
    }
    boolean xl = unet.additionEmbedType().isPresent();
    requireUnread(vae.shiftFactor().orElse(0.0) == 0, "shift_factor", source);
    requireUnread(xl || vae.latentsMean().isEmpty(), "latents_mean", source);
  }

  private static void requireUnread(boolean unset, String key, Object source) {
    if (!unset) {
      throw new SfumatoException(
          source
              + ": the autoencoder's config.json sets "
              + key
              + ", which diffusers leaves out in models of this kind: set it to null");
    }
  }

  private static boolean has(Map<String, Object> index, String component) {
    return index.get(component) instanceof List<?> part && part.size() == 2 && part.get(1) != null;
  }

  private static PromptEncoder prompts(
      UNet2DConditionConfig unet,
      List<TextEncoder> encoders,
      Map<String, Object> index,
      Object source) {
    boolean xl = unet.additionEmbedType().isPresent();
    if (encoders.isEmpty() || !xl && encoders.size() > 1) {
      throw new SfumatoException(
          source
              + ": model_index.json names "
              + encoders.size()
              + " text encoders, which does not suit its U-Net");
    }
    if (xl && !encoders.get(encoders.size() - 1).model().projects()) {
      throw new SfumatoException(
          source + ": the last text encoder has no text_projection.weight, which the U-Net needs");
    }
    boolean zeros = Boolean.TRUE.equals(index.getOrDefault("force_zeros_for_empty_prompt", xl));
    return new PromptEncoder(
        List.copyOf(encoders),
        xl ? StableDiffusionKind.XL : StableDiffusionKind.ONE_ENCODER,
        xl && zeros);
  }

  /** Returns the same with a learned word in the text encoders. */
  StableDiffusionParts with(Path file, Optional<String> token) {
    return with(prompts.with(file, token));
  }

  /** Returns the same with other text encoders. */
  StableDiffusionParts with(PromptEncoder others) {
    return new StableDiffusionParts(unet, autoencoder, others, checker, scheduler, index);
  }

  /** Returns the networks by the names of their folders. */
  Map<String, Module> networks() {
    Map<String, Module> networks = new LinkedHashMap<>();
    networks.put("unet", unet);
    networks.put("vae", autoencoder);
    for (int i = 0; i < prompts.encoders().size(); i++) {
      networks.put("text_encoder" + suffix(i), prompts.encoders().get(i).model());
    }
    checker.ifPresent(network -> networks.put(CHECKER, network));
    return networks;
  }

  /** Returns the suffix of the folders of encoder {@code i}; a refiner has only the second. */
  private String suffix(int i) {
    return SUFFIXES.get(has(index, "text_encoder") ? i : 1);
  }

  /** Writes a model directory, or one file if the name of {@code target} says so. */
  void save(Path target, DType floats) {
    if (prompts.encoders().stream().anyMatch(e -> e.model().learnedTokens().isPresent())) {
      throw new IllegalStateException("a model that learns a word is not saved: save the word");
    }
    Map<String, Object> written = new LinkedHashMap<>(index);
    written.put("scheduler", List.of("diffusers", scheduler.className()));
    boolean oneFile = target.toString().endsWith(".safetensors");
    for (String left : oneFile || checker.isEmpty() ? WITH_CHECKER : List.of("image_encoder")) {
      written.replace(left, Arrays.asList(null, null)); // a plain null, too: diffusers refuses it
    }
    Map<String, ClipTextEncoder> texts = new LinkedHashMap<>();
    for (int i = 0; i < prompts.encoders().size(); i++) {
      texts.put(suffix(i), prompts.encoders().get(i).written());
    }
    WholeModel model = new WholeModel(written, scheduler, unet, autoencoder, texts);
    if (oneFile) {
      checker.ifPresent(
          lost -> log.log(Level.WARNING, target + ": one file cannot hold the safety checker"));
      model.writeFile(target, floats);
    } else {
      checker.ifPresent(network -> network.save(target, floats));
      model.writeDirectory(target, floats);
    }
  }
}
