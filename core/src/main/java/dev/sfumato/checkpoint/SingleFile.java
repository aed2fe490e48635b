package dev.sfumato.checkpoint;

import dev.sfumato.SfumatoException;
import dev.sfumato.clip.ClipTextModel;
import dev.sfumato.clip.ClipTokenizer;
import dev.sfumato.io.JsonFile;
import dev.sfumato.io.JsonObject;
import dev.sfumato.model.AutoencoderKLConfig;
import dev.sfumato.model.UNet2DConditionConfig;
import dev.sfumato.nn.Weights;
import dev.sfumato.scheduler.PredictionType;
import dev.sfumato.scheduler.SchedulerConfig;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Predicate;

/**
 * A whole model in one {@code .safetensors} or {@code .ckpt} file in the original layout. The file
 * carries no configuration: widths and depths come from the shapes of its weights, the rest is that
 * of the published model of its family. A file that Sfumato wrote carries the configurations in its
 * header, and they win.
 *
 * <p>Copies of weights for averaging ({@code model_ema.}) and everything else that draws nothing
 * are ignored.
 */
final class SingleFile implements ModelParts {
  static final String UNET = "model.diffusion_model.";
  static final List<String> AUTOENCODERS = List.of("first_stage_model.", "vae.");

  /** The key of the header under which configurations lie. */
  static final String SETTINGS = "sfumato";

  private final TensorFile file;
  private final OriginalKind kind;
  private final PredictionType prediction;
  private final Map<String, Object> settings;

  private SingleFile(TensorFile file, ReadingOptions options) {
    this.file = file;
    settings = settings(file);
    kind = kind(file);
    prediction = options.predictionType().orElseGet(this::inferred);
  }

  static SingleFile open(Path path, ReadingOptions options) {
    TensorFile file = TensorFile.open(path);
    try {
      FileKind kind = FileKind.of(file.shapes());
      if (kind != FileKind.MODEL) {
        throw new SfumatoException(path + ": " + kind.refusal());
      }
      return new SingleFile(file, options);
    } catch (RuntimeException e) {
      file.close();
      throw e;
    }
  }

  @SuppressWarnings("unchecked")
  private static Map<String, Object> settings(TensorFile file) {
    return Optional.ofNullable(file.metadata().get(SETTINGS))
        .map(JsonFile::value)
        .filter(Map.class::isInstance)
        .map(value -> (Map<String, Object>) value)
        .orElse(Map.of());
  }

  private static OriginalKind kind(TensorFile file) {
    if (file.shapes().keySet().stream().anyMatch(name -> name.startsWith("edm_"))) {
      throw new SfumatoException(
          file.path() + ": is Playground 2.5 or CosXL, whose noise (EDM) is not supported");
    }
    Predicate<String> has =
        start -> file.shapes().keySet().stream().anyMatch(name -> name.startsWith(start));
    if (has.test(OriginalKind.EMBEDDER_2)) {
      return OriginalKind.XL;
    }
    if (has.test(OriginalKind.REFINER.start("_2"))) {
      return OriginalKind.REFINER;
    }
    OriginalShapes unet = shapes(file, UNET);
    return has.test(OriginalKind.TWO.start(""))
            || unet.textWidth() == 1024
            || unet.projectsLinearly()
        ? OriginalKind.TWO
        : OriginalKind.ONE;
  }

  /** Returns the prediction that the keys tell; Stable Diffusion 2.x has no key for it. */
  private PredictionType inferred() {
    if (file.shapes().containsKey("v_pred")) {
      return PredictionType.V_PREDICTION;
    }
    boolean inpainting = channels() == 9;
    boolean base = file.globalStep().isPresent() && file.globalStep().getAsLong() == 875_000;
    return kind == OriginalKind.TWO && !inpainting && !base
        ? PredictionType.V_PREDICTION
        : PredictionType.EPSILON;
  }

  private int channels() {
    return shapes(file, UNET).size("input_blocks.0.0.weight", 1);
  }

  private static OriginalShapes shapes(TensorFile file, String start) {
    return new OriginalShapes(file.shapesBelow(start), file.path().toString());
  }

  /** Returns the family of the model. */
  OriginalKind kind() {
    return kind;
  }

  @Override
  public Path source() {
    return file.path();
  }

  @Override
  public Map<String, Object> index() {
    if (settings.containsKey("model_index")) {
      return setting("model_index").orElseThrow();
    }
    Map<String, Object> index = new LinkedHashMap<>();
    index.put("_class_name", kind.pipelineClass(channels() == 9));
    index.put("unet", List.of("diffusers", "UNet2DConditionModel"));
    index.put("vae", List.of("diffusers", "AutoencoderKL"));
    index.put("scheduler", List.of("diffusers", scheduler().className()));
    for (String suffix : kind.isXl() ? List.of("", "_2") : List.of("")) {
      boolean there = kind.encoders().contains(suffix);
      String encoder = suffix.isEmpty() ? "CLIPTextModel" : "CLIPTextModelWithProjection";
      index.put("text_encoder" + suffix, there ? List.of("transformers", encoder) : absent());
      index.put("tokenizer" + suffix, there ? List.of("transformers", "CLIPTokenizer") : absent());
    }
    index.put("feature_extractor", absent());
    index.put("image_encoder", absent());
    if (kind.isXl()) {
      index.put("force_zeros_for_empty_prompt", kind == OriginalKind.XL);
    } else {
      index.put("safety_checker", absent());
      index.put("requires_safety_checker", false);
    }
    if (kind == OriginalKind.REFINER) {
      index.put("requires_aesthetics_score", true);
    }
    return index;
  }

  private static List<Object> absent() {
    return Arrays.asList(null, null);
  }

  @SuppressWarnings("unchecked")
  private Optional<Map<String, Object>> setting(String name) {
    Object setting = settings.get(name);
    if (setting != null && !(setting instanceof Map)) {
      throw new SfumatoException(
          file.path() + ": the settings of " + name + " in its header are not a JSON object");
    }
    return Optional.ofNullable((Map<String, Object>) setting);
  }

  @Override
  public SchedulerConfig scheduler() {
    return setting("scheduler")
        .map(SchedulerConfig::of)
        .orElseGet(
            () -> {
              SchedulerConfig scheduler = kind.scheduler(prediction);
              return file.shapes().containsKey("ztsnr")
                  ? scheduler.with("rescale_betas_zero_snr", true)
                  : scheduler;
            });
  }

  @Override
  public UNet2DConditionConfig unet() {
    return UNet2DConditionConfig.of(
        setting("unet").orElseGet(() -> shapes(file, UNET).unet(kind, prediction, pooled())));
  }

  private int pooled() {
    String projection = kind.start("_2") + "text_projection";
    return kind.isXl() && file.shapes().containsKey(projection)
        ? shapes(file, "").size(projection, 1)
        : 0;
  }

  /** {@inheritDoc} A file without an autoencoder has the factors of its family's. */
  @Override
  public AutoencoderKLConfig autoencoder() {
    if (setting("vae").isPresent()) {
      return AutoencoderKLConfig.of(setting("vae").get());
    }
    if (AUTOENCODERS.stream().allMatch(start -> file.shapesBelow(start).isEmpty())) {
      return AutoencoderKLConfig.of(kind.factors());
    }
    return AutoencoderKLConfig.of(
        shapes(file, autoencoderStart(file)).autoencoder(kind, kind.sampleSize(prediction)));
  }

  /** Returns the start of the names of an autoencoder's weights, empty if it is alone. */
  static String autoencoderStart(TensorFile file) {
    List<String> starts = new ArrayList<>(AUTOENCODERS);
    starts.add("");
    return starts.stream()
        .filter(start -> file.shapes().containsKey(start + "decoder.conv_in.weight"))
        .findFirst()
        .orElseThrow(
            () ->
                new SfumatoException(
                    file.path() + ": has no autoencoder: give one (the option `vae`)"));
  }

  @Override
  public Map<String, Object> textEncoder(String suffix) {
    return setting("text_encoder" + suffix)
        .orElseGet(
            () -> {
              try (Scope scope = Scope.open()) {
                return new OriginalShapes(TensorFile.shapesOf(text(suffix)), file.path().toString())
                    .textEncoder(kind.isOpenClip(suffix));
              }
            });
  }

  @Override
  public ClipTokenizer tokenizer(String suffix) {
    JsonObject config = JsonObject.of(textEncoder(suffix));
    JsonObject written = JsonObject.of(setting("tokenizer" + suffix).orElse(Map.of()));
    return ClipTokenizer.builtIn(
        config.integer("vocab_size", 49408),
        written.integer("model_max_length", config.integer("max_position_embeddings", 77)),
        written.text("pad_token", kind.padding(suffix)));
  }

  @Override
  public Weights weights(String part) {
    Map<String, Tensor> weights =
        switch (part) {
          case "unet" ->
              Renaming.apply(OriginalNames.unet(unet())::diffusers, file.tensorsBelow(UNET));
          case "vae" ->
              OriginalNames.matrices(
                  Renaming.apply(
                      OriginalNames.autoencoder(autoencoder())::diffusers,
                      autoencoderWeights(file.tensorsBelow(autoencoderStart(file)))));
          default -> text(part.substring("text_encoder".length()));
        };
    return new Weights(file.path().toString(), weights);
  }

  /** Leaves out what served training alone. */
  static Map<String, Tensor> autoencoderWeights(Map<String, Tensor> weights) {
    Map<String, Tensor> kept = new LinkedHashMap<>(weights);
    kept.keySet().removeIf(name -> name.startsWith("loss.") || name.startsWith("model_ema."));
    return kept;
  }

  /** Returns the weights of a text encoder by transformers' names. */
  private Map<String, Tensor> text(String suffix) {
    Map<String, Tensor> weights = file.tensorsBelow(kind.start(suffix));
    boolean openClip = kind.isOpenClip(suffix) && weights.containsKey("positional_embedding");
    if (weights.isEmpty() && kind == OriginalKind.TWO) {
      weights = file.tensorsBelow(OriginalKind.ONE.start(""));
    }
    if (weights.isEmpty()) {
      throw new SfumatoException(file.path() + ": has no text encoder, which drawing needs");
    }
    if (!openClip) {
      return weights; // in transformers' names, with or without text_model.
    }
    boolean whole = weights.containsKey("logit_scale") || weights.containsKey("text_projection");
    weights.keySet().removeAll(List.of("logit_scale", "attn_mask"));
    if (kind == OriginalKind.TWO) {
      weights.remove("text_projection");
      if (whole) { // its last block is never used: the U-Net reads the states before it
        int last = new OriginalShapes(TensorFile.shapesOf(weights), "").openClipLayers() - 1;
        weights.keySet().removeIf(name -> name.startsWith("transformer.resblocks." + last + "."));
      }
    }
    return ClipTextModel.transformersWeights(weights);
  }

  @Override
  public void close() {
    file.close();
  }
}
