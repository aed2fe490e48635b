package dev.sfumato.pipeline;

import dev.sfumato.SfumatoException;
import dev.sfumato.hub.ModelFiles;
import dev.sfumato.io.JsonFile;
import dev.sfumato.model.AutoencoderKL;
import dev.sfumato.model.AutoencoderKLConfig;
import dev.sfumato.model.UNet2DConditionConfig;
import dev.sfumato.model.UNet2DConditionModel;
import dev.sfumato.model.UNet2DModel;
import dev.sfumato.nn.Module;
import dev.sfumato.nn.Weights;
import dev.sfumato.scheduler.SchedulerConfig;
import dev.sfumato.tensor.Construction;
import dev.sfumato.tensor.Safetensors;
import dev.sfumato.tensor.Scope;
import java.lang.System.Logger.Level;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The networks and settings of a Stable Diffusion model, and their files.
 *
 * @param unet the network of latents
 * @param autoencoder what decodes them; its weights are frozen
 * @param prompts the text encoders, whose weights are frozen
 * @param scheduler the settings of the noise
 * @param index the content of {@code model_index.json}, kept for saving
 */
record StableDiffusionParts(
    UNet2DConditionModel unet,
    AutoencoderKL autoencoder,
    PromptEncoder prompts,
    SchedulerConfig scheduler,
    Map<String, Object> index) {
  private static final System.Logger log = System.getLogger(StableDiffusionParts.class.getName());
  private static final String WEIGHTS = "diffusion_pytorch_model.safetensors";
  private static final List<String> SUFFIXES = List.of("", "_2");

  /** Parts that are not read and, so, not written. */
  private static final List<String> LEFT_OUT =
      List.of("safety_checker", "feature_extractor", "image_encoder");

  /**
   * Reads a model directory.
   *
   * @throws SfumatoException naming the file that is missing or does not fit
   */
  @SuppressWarnings("unchecked")
  static StableDiffusionParts load(Path directory) {
    Map<String, Object> index = JsonFile.read(directory.resolve("model_index.json"), Map.class);
    if (has(index, "safety_checker")) {
      log.log(
          Level.WARNING,
          directory + ": its safety checker is not supported: pictures are not checked");
    }
    try (Construction made = Construction.begin()) {
      SchedulerConfig scheduler =
          SchedulerConfig.read(directory.resolve("scheduler/scheduler_config.json"))
              .with("clip_sample", false); // latents are never limited
      UNet2DConditionModel unet = unet(directory.resolve("unet"));
      AutoencoderKL autoencoder = autoencoder(directory.resolve("vae"));
      requireFit(unet.config(), autoencoder.config(), directory);
      List<TextEncoder> encoders = new ArrayList<>();
      for (String suffix : SUFFIXES) {
        if (has(index, "text_encoder" + suffix)) {
          encoders.add(TextEncoder.load(directory, suffix));
        }
      }
      PromptEncoder prompts = prompts(unet.config(), encoders, index, directory);
      StableDiffusionParts parts =
          new StableDiffusionParts(unet, autoencoder, prompts, scheduler, index);
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
    requireFit(
        JsonFile.read(directory.resolve("unet/config.json"), UNet2DConditionConfig.class),
        JsonFile.read(directory.resolve("vae/config.json"), AutoencoderKLConfig.class),
        directory);
  }

  private static UNet2DConditionModel unet(Path folder) {
    UNet2DConditionModel unet =
        new UNet2DConditionModel(
            JsonFile.read(folder.resolve("config.json"), UNet2DConditionConfig.class));
    return filled(unet, folder);
  }

  private static AutoencoderKL autoencoder(Path folder) {
    AutoencoderKL autoencoder =
        new AutoencoderKL(JsonFile.read(folder.resolve("config.json"), AutoencoderKLConfig.class));
    filled(autoencoder, folder).trainable().forEach(weight -> weight.requiresGrad(false));
    return autoencoder;
  }

  private static <T extends Module> T filled(T network, Path folder) {
    try (Scope scope = Scope.open()) {
      network.load(Weights.in(folder, ModelFiles.UNET_WEIGHTS).renamed(UNet2DModel::modernNames));
      return network;
    }
  }

  /** Requires a U-Net of latents alone or, to complete pictures, of a mask and masked latents. */
  private static void requireFit(
      UNet2DConditionConfig unet, AutoencoderKLConfig vae, Path directory) {
    int latents = vae.latentChannels();
    boolean takesThem = unet.inChannels() == latents || unet.inChannels() == 2 * latents + 1;
    if (!takesThem || unet.outChannels() != latents) {
      throw new SfumatoException(
          directory
              + ": the U-Net takes "
              + unet.inChannels()
              + " channels and the autoencoder has "
              + latents
              + ": only models that draw from a text or complete a picture are supported");
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
        xl ? StableDiffusionKind.XL : StableDiffusionKind.ONE_ENCODER,
        xl && zeros);
  }

  /** Returns true if the U-Net reads a mask and a masked picture besides the latents. */
  boolean readsMasks() {
    return unet.config().inChannels() > unet.config().outChannels();
  }

  /** Returns the networks by the names of their folders. */
  Map<String, Module> networks() {
    Map<String, Module> networks = new LinkedHashMap<>();
    networks.put("unet", unet);
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

  /** Writes a model directory. */
  void save(Path directory) {
    write(directory.resolve("unet"), unet.config(), unet);
    write(directory.resolve("vae"), autoencoder.config(), autoencoder);
    for (int i = 0; i < prompts.encoders().size(); i++) {
      prompts.encoders().get(i).save(directory, suffix(i));
    }
    scheduler.write(directory.resolve("scheduler/scheduler_config.json"));
    Map<String, Object> written = new LinkedHashMap<>(index);
    for (String left : LEFT_OUT) {
      written.computeIfPresent(left, (name, part) -> Arrays.asList(null, null));
    }
    JsonFile.write(directory.resolve("model_index.json"), written);
  }

  private static void write(Path folder, Object config, Module network) {
    JsonFile.write(folder.resolve("config.json"), config);
    Safetensors.write(folder.resolve(WEIGHTS), network.parameters(), Map.of("format", "pt"));
  }
}
