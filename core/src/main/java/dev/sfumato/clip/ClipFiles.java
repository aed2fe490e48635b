package dev.sfumato.clip;

import dev.sfumato.SfumatoException;
import dev.sfumato.io.JsonObject;
import dev.sfumato.nn.Weights;
import dev.sfumato.tensor.Construction;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;

/** A CLIP model on disk, in one of three layouts. */
sealed interface ClipFiles {
  String OPEN_CLIP_CONFIG = "open_clip_config.json";
  String OPEN_CLIP_WEIGHTS = "open_clip_model.safetensors";

  /** Loads the model. */
  ClipModel load();

  /**
   * Finds the layout; if a directory has two, open_clip's wins.
   *
   * @throws SfumatoException if there is no model
   */
  static ClipFiles of(Path path) {
    if (Files.isRegularFile(path)) {
      return new OpenAi(path);
    }
    if (!Files.isDirectory(path)) {
      throw new SfumatoException(path + ": there is no such CLIP model");
    }
    if (Files.exists(path.resolve(OPEN_CLIP_CONFIG))
        && weights(path, OpenClip.WEIGHTS).isPresent()) {
      return new OpenClip(path);
    }
    if (Files.exists(path.resolve(Transformers.CONFIG))) {
      return new Transformers(path);
    }
    throw new SfumatoException(
        path
            + ": is not a CLIP model: expected config.json and model.safetensors (transformers), or"
            + " open_clip_config.json and open_clip_model.safetensors (open_clip)");
  }

  /** {@code open_clip_config.json} and its weights. */
  record OpenClip(Path directory) implements ClipFiles {
    private static final List<String> WEIGHTS =
        List.of(
            OPEN_CLIP_WEIGHTS,
            "open_clip_pytorch_model.safetensors",
            "open_clip_pytorch_model.bin",
            "open_clip_pytorch_model.pth");

    @Override
    public ClipModel load() {
      JsonObject config = JsonObject.read(directory.resolve(OPEN_CLIP_CONFIG)).withoutNulls();
      if (!config.has("model_cfg")) {
        throw new SfumatoException(config.source() + "model_cfg is missing");
      }
      JsonObject text = config.child("model_cfg").child("text_cfg");
      JsonObject options = text.child("tokenizer_kwargs");
      ClipConfig model = OpenClipConfig.read(config.child("model_cfg"));
      ImagePreprocessing preprocessing =
          ImagePreprocessing.openClip(config.child("preprocess_cfg"), model.image().imageSize());
      ClipTokenizer tokenizer =
          text.text("hf_tokenizer_name", "").isEmpty()
              ? ClipTokenizer.openClip(TextCleaning.parse(options.text("clean", "lower")))
              : ClipTokenizer.load(
                  directory, TextCleaning.parse(options.text("clean", "whitespace"))::apply);
      Path file = weights(directory, WEIGHTS).orElseThrow();
      return read(file, w -> model, OpenClip::plainNames, tokenizer, c -> preprocessing);
    }

    /** Removes the prefixes of a separate text tower and of distributed training from the names. */
    private static Map<String, Tensor> plainNames(Map<String, Tensor> weights) {
      Map<String, Tensor> plain = new LinkedHashMap<>();
      weights.forEach(
          (name, w) ->
              plain.put(name.replaceFirst("^((_orig_mod|module|model)\\.)*(text\\.)?", ""), w));
      return plain;
    }
  }

  /** {@code config.json}, weights, a tokenizer and {@code preprocessor_config.json}. */
  record Transformers(Path directory) implements ClipFiles {
    private static final String CONFIG = "config.json";
    private static final List<String> WEIGHTS = List.of("model.safetensors", "pytorch_model.bin");

    @Override
    public ClipModel load() {
      ClipConfig model =
          TransformersLayout.config(JsonObject.read(directory.resolve(CONFIG)).withoutNulls());
      int size = model.image().imageSize();
      Path settings = directory.resolve("preprocessor_config.json");
      ImagePreprocessing preprocessing =
          Files.exists(settings)
              ? ImagePreprocessing.transformers(JsonObject.read(settings).withoutNulls(), size)
              : ImagePreprocessing.openAi(size);
      ClipTokenizer tokenizer = ClipTokenizer.load(directory);
      Path file =
          weights(directory, WEIGHTS)
              .orElseThrow(
                  () ->
                      new SfumatoException(
                          directory
                              + ": has no weights: expected "
                              + String.join(" or ", WEIGHTS)));
      UnaryOperator<Map<String, Tensor>> names =
          weights -> TransformersLayout.weights(weights, file.toString());
      return read(file, w -> model, names, tokenizer, c -> preprocessing);
    }
  }

  /** One file of weights. */
  record OpenAi(Path file) implements ClipFiles {
    @Override
    public ClipModel load() {
      return read(
          file,
          weights -> OpenAiShapes.config(weights, file.toString()),
          OpenClip::plainNames,
          ClipTokenizer.openClip(),
          config -> ImagePreprocessing.openAi(config.image().imageSize()));
    }
  }

  private static Optional<Path> weights(Path directory, List<String> names) {
    return names.stream().map(directory::resolve).filter(Files::exists).findFirst();
  }

  private static ClipModel read(
      Path file,
      Function<Map<String, Tensor>, ClipConfig> config,
      UnaryOperator<Map<String, Tensor>> names,
      ClipTokenizer tokenizer,
      Function<ClipConfig, ImagePreprocessing> preprocessing) {
    try (Scope scope = Scope.open();
        Construction made = Construction.begin()) {
      Map<String, Tensor> weights = names.apply(Weights.of(file).tensors());
      weights.keySet().removeIf(ClipFiles::isNoWeight);
      if (weights.containsKey("logit_scale")) {
        weights.computeIfPresent("logit_scale", (name, scale) -> scale.reshape());
      }
      ClipNetwork network = new ClipNetwork(config.apply(weights));
      network.load(new Weights(file.toString(), weights));
      ClipModel model = new ClipModel(network, tokenizer, preprocessing.apply(network.config()));
      made.complete();
      return model;
    }
  }

  /**
   * Returns true for sizes, counters, masks, and a bias that all logits share and a softmax
   * ignores.
   */
  private static boolean isNoWeight(String name) {
    return Stream.of("attn_mask", "num_batches_tracked").anyMatch(name::endsWith)
        || Stream.of("input_resolution", "context_length", "vocab_size", "logit_bias")
            .anyMatch(name::equals);
  }
}
