package dev.sfumato.clip;

import dev.sfumato.SfumatoException;
import dev.sfumato.io.JsonObject;
import dev.sfumato.tensor.Construction;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * A text encoder of CLIP with its tokenizer, as a text-to-image model has them.
 *
 * @param model the network
 * @param tokenizer splits texts into tokens
 * @param config the content of its {@code config.json}
 */
public record ClipTextEncoder(
    ClipTextModel model, ClipTokenizer tokenizer, Map<String, Object> config) {
  /**
   * Copies the text encoder of a CLIP model, without its projection; its weights are frozen.
   *
   * @throws SfumatoException if transformers' {@code CLIPTextModel} computes something else
   */
  public static ClipTextEncoder of(ClipModel clip) {
    ClipTextModel text = clip.network().text();
    ClipTokenizer tokenizer = clip.tokenizer();
    Map<String, Object> config =
        TransformersLayout.writtenTextConfig(text.config(), tokenizer.begin(), tokenizer.end());
    try (Scope scope = Scope.open();
        Construction made = Construction.begin()) {
      Map<String, Tensor> weights = new LinkedHashMap<>(text.transformersWeights());
      weights.remove("text_projection.weight"); // which CLIPTextModel does not have
      ClipTextModel copy = ClipTextModel.of(JsonObject.of(config), weights, "the CLIP model");
      copy.trainable().forEach(weight -> weight.requiresGrad(false));
      made.complete();
      return new ClipTextEncoder(
          copy, tokenizer.asTransformers(text.config().contextLength()), config);
    }
  }
}
