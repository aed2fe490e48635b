package dev.sfumato.clip;

import dev.sfumato.SfumatoException;
import dev.sfumato.io.JsonObject;
import dev.sfumato.nn.AdaptedWeight;
import dev.sfumato.nn.EmbeddingTable;
import dev.sfumato.nn.LayerNorm;
import dev.sfumato.nn.Module;
import dev.sfumato.nn.Name;
import dev.sfumato.tensor.Autocast;
import dev.sfumato.tensor.Constant;
import dev.sfumato.tensor.Construction;
import dev.sfumato.tensor.DType;
import dev.sfumato.tensor.Functional;
import dev.sfumato.tensor.Rng;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * The text encoder of CLIP, alone or as half of a {@link ClipNetwork}: {@code CLIPTextModel} and
 * {@code CLIPTextModelWithProjection} of transformers. Its parameters are named as in the files of
 * OpenAI and open_clip.
 */
public final class ClipTextModel extends Module {
  @Name("token_embedding.weight")
  private final EmbeddingTable tokenEmbedding;

  private final Tensor positionalEmbedding;
  private final AdaptedWeight textProjection;
  private final Transformer transformer;
  private final LayerNorm lnFinal;
  private final ClipConfig.Text config;

  /**
   * Makes a network without set parameters; {@link #reset} or {@link #load} fills them.
   *
   * @param projected length of the projection of the pooled text; 0 for no projection
   */
  public ClipTextModel(ClipConfig.Text config, int projected) {
    int width = config.transformer().width();
    this.config = config;
    try (Construction parts = Construction.begin()) {
      tokenEmbedding = new EmbeddingTable(config.vocabSize(), width);
      positionalEmbedding = parameter(config.contextLength(), width);
      textProjection = projected == 0 ? null : new AdaptedWeight(width, projected);
      transformer = new Transformer(config.transformer(), config.causal());
      lnFinal = new LayerNorm(width, config.transformer().normEpsilon());
      parts.complete();
    }
  }

  /**
   * Loads a text encoder in transformers' layout.
   *
   * @param config the file {@code config.json}
   * @param weights by the names of transformers, with or without {@code text_model.}; with {@code
   *     text_projection.weight} the model projects
   * @param source the origin of the weights, for error messages
   * @throws SfumatoException naming the key or weight that is missing, does not fit or is not
   *     supported
   */
  public static ClipTextModel of(Path config, Map<String, Tensor> weights, String source) {
    return of(JsonObject.read(config), weights, source);
  }

  /** Loads a text encoder whose {@code config.json} has the keys of {@code config}. */
  public static ClipTextModel of(JsonObject config, Map<String, Tensor> weights, String source) {
    return of(TransformersLayout.textConfig(config.withoutNulls()), weights, source);
  }

  static ClipTextModel of(ClipConfig.Text config, Map<String, Tensor> weights, String source) {
    try (Scope scope = Scope.open();
        Construction made = Construction.begin()) {
      Map<String, Tensor> named = TransformersLayout.textWeights(weights, source);
      Tensor projection = named.get("text_projection");
      ClipTextModel model =
          new ClipTextModel(config, projection == null ? 0 : (int) projection.size(1));
      model.load(named, source);
      made.complete();
      return model;
    }
  }

  /**
   * Returns a copy that knows further tokens.
   *
   * @param tokens the number of tokens that stay
   * @param vectors (N, width), of the tokens after them
   * @throws SfumatoException if the vectors have another width
   */
  public ClipTextModel withTokens(int tokens, Tensor vectors) {
    requireVectors(vectors);
    try (Scope scope = Scope.open();
        Construction made = Construction.begin()) {
      Map<String, Tensor> weights = new LinkedHashMap<>(parameters());
      Tensor more = vectors.to(device()).to(tokenEmbedding.parameter().dtype());
      weights.put(
          "token_embedding.weight",
          Tensor.cat(List.of(tokenEmbedding.parameter().narrow(0, 0, tokens), more), 0));
      ClipTextModel model =
          new ClipTextModel(
              new ClipConfig.Text(
                  config.contextLength(),
                  tokens + (int) vectors.size(0),
                  config.transformer(),
                  config.causal(),
                  config.pool()),
              projects() ? (int) textProjection.parameter().size(1) : 0);
      model.load(weights, "the text encoder");
      model.trainable().forEach(weight -> weight.requiresGrad(false));
      model.to(device());
      model.precision(precision());
      made.complete();
      return model;
    }
  }

  /**
   * Requires vectors for {@link #withTokens}.
   *
   * @throws SfumatoException if they have another width
   */
  public void requireVectors(Tensor vectors) {
    int width = config.transformer().width();
    if (vectors.dim() != 2 || vectors.size(1) != width) {
      throw new SfumatoException(
          "the embedding has vectors of "
              + vectors.size(vectors.dim() - 1)
              + " numbers, but the text encoder reads "
              + width
              + ": it is for another kind of model");
    }
  }

  /**
   * Lets the vectors of further tokens learn, which stay beside the model's own.
   *
   * @param first the number of the first of them
   * @param vectors (N, width), which are copied
   * @throws SfumatoException if they have another width
   */
  public void learnTokens(int first, Tensor vectors) {
    requireVectors(vectors);
    try (Scope scope = Scope.open()) {
      tokenEmbedding.learn(first, vectors.detach().copy().to(device()));
    }
  }

  /** Removes the vectors of {@link #learnTokens}, if there are any. */
  public void forgetTokens() {
    tokenEmbedding.forget();
  }

  /** Returns the vectors of {@link #learnTokens}, (N, width), if there are any. */
  public Optional<Tensor> learnedTokens() {
    return tokenEmbedding.further();
  }

  /** Returns the vector of a token of the model, (1, width), in the current scope. */
  public Tensor tokenVector(int token) {
    return tokenEmbedding.parameter().detach().narrow(0, token, 1);
  }

  /** Returns the weights by the names of transformers, in the current scope. */
  public Map<String, Tensor> transformersWeights() {
    return transformersWeights(parameters());
  }

  /** Returns the matrices that adapters can change by the names of transformers' layers. */
  public Map<String, AdaptedWeight.Part> transformersLayers() {
    return TransformersLayout.textLayers(adaptedWeights());
  }

  /** Returns weights in the names of OpenAI and open_clip by those of transformers. */
  public static Map<String, Tensor> transformersWeights(Map<String, Tensor> weights) {
    return TransformersLayout.written(weights);
  }

  /** Returns its configuration. */
  public ClipConfig.Text config() {
    return config;
  }

  /** Returns true if it projects pooled texts. */
  public boolean projects() {
    return textProjection != null;
  }

  /**
   * Computes the states of tokens before the first block and after each block.
   *
   * @param ids tokens (B, N) int64, at most the context's length, on any device; those on the CPU
   *     need not be read back from a card to be checked
   * @return layers + 1 tensors (B, N, width) float32, the last not yet {@link #normed}
   * @throws SfumatoException if there are too many tokens, or an unknown one
   */
  public List<Tensor> hiddenStates(Tensor ids) {
    return hiddenStates(ids, Optional.empty());
  }

  /**
   * Computes the states of tokens of which some are not seen.
   *
   * @param mask (B, N), on the model's device: 1 for tokens that are seen, 0 for others
   */
  public List<Tensor> hiddenStates(Tensor ids, Tensor mask) {
    long length = ids.size(1);
    float[] causal = new float[(int) (length * length)];
    for (int row = 0; row < length; row++) {
      Arrays.fill(causal, (int) (row * length), (int) (row * length) + row + 1, 1);
    }
    Tensor earlier = Constant.on(mask.device(), causal, 1, 1, length, length);
    Tensor seen = mask.reshape(-1, 1, 1, length);
    return hiddenStates(
        ids, Optional.of((config.causal() ? seen.mul(earlier) : seen).neg().lessThan(0)));
  }

  private List<Tensor> hiddenStates(Tensor ids, Optional<Tensor> seen) {
    requireTokens(ids);
    try (Autocast cast = Autocast.open(precision());
        Scope scope = Scope.open()) {
      Layers layers = Layers.all(config.transformer().layers());
      Tensor embedded = embedded(ids);
      transformer.forward(embedded, layers, seen);
      List<Tensor> states = new ArrayList<>();
      states.add(embedded);
      layers.outputs().forEach(output -> states.add(output.to(DType.FLOAT32)));
      states.forEach(scope::keep);
      return states;
    }
  }

  private void requireTokens(Tensor ids) {
    if (ids.dim() != 2 || ids.size(1) < 1 || ids.size(1) > config.contextLength()) {
      throw new SfumatoException(
          String.format(
              Locale.ROOT,
              "the text encoder reads tokens (B, 1 to %d), not %s",
              config.contextLength(),
              Arrays.toString(ids.shape())));
    }
    for (long token : ids.toLongs()) {
      if (token < 0 || token >= tokenEmbedding.size()) {
        throw new SfumatoException(
            String.format(
                Locale.ROOT,
                "the text encoder has %2$d tokens, not a token %1$d: use its own tokenizer",
                token,
                tokenEmbedding.size()));
      }
    }
  }

  private Tensor embedded(Tensor ids) {
    Tensor positions = positionalEmbedding.narrow(0, 0, ids.size(1));
    return tokenEmbedding.rows(ids).add(positions);
  }

  /** Applies the final normalisation to states (..., width), of the same shape. */
  public Tensor normed(Tensor states) {
    return lnFinal.forward(states);
  }

  /**
   * Picks the vectors that represent whole texts.
   *
   * @param states (B, N, width)
   * @param ids the tokens (B, N) of these states, on any device
   * @return (B, width)
   */
  public Tensor pooled(Tensor states, Tensor ids) {
    long length = states.size(1);
    Tensor flat = states.reshape(-1, states.size(2));
    long[] rows = config.pool().positions(ids.toLongs(), (int) length);
    for (int i = 0; i < rows.length; i++) {
      rows[i] += i * length;
    }
    return flat.indexSelect(0, Tensor.of(rows, rows.length).to(states.device()));
  }

  /**
   * Projects pooled and normed texts to the space that they share with pictures.
   *
   * @param pooled (B, width)
   * @return (B, projected)
   * @throws SfumatoException if the model has no projection
   */
  public Tensor projected(Tensor pooled) {
    if (textProjection == null) {
      throw new SfumatoException("this text encoder has no text_projection");
    }
    return Scope.run(() -> Functional.matmul(pooled, textProjection.effective()));
  }

  /** Computes the features of texts (B, projected) from tokens (B, N) int64. */
  Tensor features(Tensor ids) {
    return Scope.run(() -> projected(normed(pooled(transformer.forward(embedded(ids)), ids))));
  }

  @Override
  protected void resetOwn(Rng rng) {
    StartValues.normal(rng, tokenEmbedding.parameter(), 0.02);
    StartValues.normal(rng, positionalEmbedding, 0.01);
    if (textProjection != null) {
      Tensor projection = textProjection.parameter();
      StartValues.normal(rng, projection, Math.pow(projection.size(0), -0.5));
    }
  }
}
