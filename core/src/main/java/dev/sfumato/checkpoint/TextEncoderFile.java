package dev.sfumato.checkpoint;

import dev.sfumato.SfumatoException;
import dev.sfumato.clip.ClipModel;
import dev.sfumato.clip.ClipTextEncoder;
import dev.sfumato.clip.ClipTextModel;
import dev.sfumato.clip.ClipTokenizer;
import dev.sfumato.io.JsonObject;
import dev.sfumato.nn.Weights;
import dev.sfumato.tensor.Construction;
import dev.sfumato.tensor.Scope;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;

/** The text encoder of a text-to-image model or of a CLIP model, on its own. */
public final class TextEncoderFile {
  private TextEncoderFile() {}

  /**
   * Loads the text encoder and the tokenizer of a model directory, or those of a CLIP model.
   *
   * @param path a directory with {@code text_encoder} and {@code tokenizer}, or what {@link
   *     ClipModel#load} takes
   * @throws SfumatoException naming the file that is missing or does not fit
   */
  public static ClipTextEncoder load(Path path) {
    if (Files.exists(path.resolve("text_encoder/config.json"))) {
      try (ModelParts parts = ModelParts.of(path, ReadingOptions.DEFAULT)) {
        return load(parts, "");
      }
    }
    try (ClipModel clip = ClipModel.load(path)) {
      return ClipTextEncoder.of(clip);
    }
  }

  /**
   * Loads the text encoder and the tokenizer with {@code suffix}.
   *
   * @throws SfumatoException naming the file that is missing or does not fit
   */
  public static ClipTextEncoder load(ModelParts parts, String suffix) {
    ClipTokenizer tokenizer = parts.tokenizer(suffix);
    String part = "text_encoder" + suffix;
    try (Scope scope = Scope.open();
        Construction made = Construction.begin()) {
      Map<String, Object> settings = parts.textEncoder(suffix);
      Weights weights = parts.weights(part);
      String source = parts.source().resolve(part).resolve("config.json") + ": ";
      ClipTextModel model =
          ClipTextModel.of(JsonObject.of(source, settings), weights.tensors(), weights.source());
      requireFits(model, tokenizer, parts.source().resolve("tokenizer" + suffix));
      made.complete();
      model.trainable().forEach(weight -> weight.requiresGrad(false));
      return new ClipTextEncoder(model, tokenizer, settings);
    }
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
}
