package dev.sfumato.pipeline;

import dev.sfumato.SfumatoException;
import dev.sfumato.clip.ClipTextModel;
import dev.sfumato.clip.ClipTokenizer;
import dev.sfumato.hub.ModelFiles;
import dev.sfumato.io.JsonFile;
import dev.sfumato.nn.Weights;
import dev.sfumato.tensor.Construction;
import dev.sfumato.tensor.Safetensors;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.lang.System.Logger.Level;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * A text encoder of a pipeline and the tokenizer that goes with it.
 *
 * @param model the network, whose weights are frozen
 * @param tokenizer splits texts into tokens
 * @param config the content of {@code config.json}, kept for saving
 */
record TextEncoder(ClipTextModel model, ClipTokenizer tokenizer, Map<String, Object> config) {
  private static final System.Logger log = System.getLogger(TextEncoder.class.getName());

  /**
   * Loads the folders {@code text_encoder} and {@code tokenizer} with {@code suffix}.
   *
   * @throws SfumatoException naming the file that is missing or does not fit
   */
  @SuppressWarnings("unchecked")
  static TextEncoder load(Path directory, String suffix) {
    Path folder = directory.resolve("text_encoder" + suffix);
    ClipTokenizer tokenizer = ClipTokenizer.load(directory.resolve("tokenizer" + suffix));
    Path config = folder.resolve("config.json");
    try (Scope scope = Scope.open();
        Construction made = Construction.begin()) {
      Map<String, Object> settings = JsonFile.read(config, Map.class);
      Weights weights = Weights.in(folder, stem(folder));
      ClipTextModel model = ClipTextModel.of(config, weights.tensors(), weights.source());
      model.trainable().forEach(weight -> weight.requiresGrad(false));
      requireFits(model, tokenizer, directory.resolve("tokenizer" + suffix));
      made.complete();
      return new TextEncoder(model, tokenizer, settings);
    }
  }

  private static String stem(Path folder) {
    return Stream.of("model", "pytorch_model")
        .filter(
            stem ->
                ModelFiles.weights(stem).stream()
                    .anyMatch(file -> Files.exists(folder.resolve(file))))
        .findFirst()
        .orElse("model");
  }

  private static void requireFits(ClipTextModel model, ClipTokenizer tokenizer, Path folder) {
    if (tokenizer.size() > model.config().vocabSize()) {
      throw new SfumatoException(
          folder
              + ": has "
              + tokenizer.size()
              + " tokens, but the text encoder knows "
              + model.config().vocabSize()
              + ": it is the tokenizer of another model");
    }
  }

  /** Returns the length of a row of tokens, including begin and end. */
  int length() {
    return Math.min(tokenizer.longest(), model.config().contextLength());
  }

  /** Returns the tokens (B, N) of texts; a long text is cut, with a warning. */
  Tensor ids(List<String> texts) {
    int length = length();
    for (String text : texts) {
      int tokens = tokenizer.tokenize(text).size();
      if (tokens > length - 2) {
        log.log(
            Level.WARNING,
            "a prompt has "
                + tokens
                + " tokens, of which the text encoder reads the first "
                + (length - 2)
                + ": shorten it, or choose a syntax that reads long prompts in parts");
      }
    }
    return tokenizer.encode(texts, length);
  }

  /** Returns the states {@code back} layers before the last. */
  Tensor fromTheEnd(List<Tensor> states, int back) {
    int layer = states.size() - 1 - back;
    if (layer < 0) {
      throw new SfumatoException(
          "clip skip leaves no layer: a text encoder has " + (states.size() - 1));
    }
    return states.get(layer);
  }

  /** Writes both folders. */
  void save(Path directory, String suffix) {
    Path folder = directory.resolve("text_encoder" + suffix);
    JsonFile.write(folder.resolve("config.json"), config);
    try (Scope scope = Scope.open()) {
      Safetensors.write(
          folder.resolve("model.safetensors"), model.transformersWeights(), Map.of("format", "pt"));
    }
    tokenizer.save(directory.resolve("tokenizer" + suffix));
  }
}
