package dev.sfumato.pipeline;

import dev.sfumato.SfumatoException;
import dev.sfumato.clip.ClipConfig;
import dev.sfumato.clip.ClipTextEncoder;
import dev.sfumato.clip.ClipTextModel;
import dev.sfumato.clip.ClipTokenizer;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A text encoder of a pipeline and the tokenizer that goes with it.
 *
 * @param model the network, whose weights are frozen
 * @param tokenizer splits texts into tokens
 * @param config the content of {@code config.json}, kept for saving
 */
record TextEncoder(ClipTextModel model, ClipTokenizer tokenizer, Map<String, Object> config) {
  private static final String SAMPLE = "A photo of 2 cats!";

  /** Makes the same of a text encoder with its tokenizer, and freezes its weights. */
  static TextEncoder of(ClipTextEncoder encoder) {
    encoder.model().trainable().forEach(weight -> weight.requiresGrad(false));
    return new TextEncoder(encoder.model(), encoder.tokenizer(), encoder.config());
  }

  /** Returns the encoder, to be written. */
  ClipTextEncoder written() {
    return new ClipTextEncoder(model, tokenizer, config);
  }

  /** Returns the length of a row of tokens, including begin and end. */
  int length() {
    return Math.min(tokenizer.longest(), model.config().contextLength());
  }

  /** Returns the number of tokens at the end of a text that are not read, since it is too long. */
  int unread(String text) {
    return Math.max(0, tokenizer.tokenize(text).size() - (length() - 2));
  }

  /** Returns the network's settings, and tokens that tell those of the tokenizer. */
  String settings() {
    try (Scope scope = Scope.open()) {
      return model.config() + Arrays.toString(ids(List.of(SAMPLE, "")).toLongs());
    }
  }

  /** Returns the tokens (B, N) of texts; a long text is cut. */
  Tensor ids(List<String> texts) {
    return tokenizer.encode(texts, length());
  }

  /** Returns the states {@code back} layers before the last. */
  Tensor fromTheEnd(List<Tensor> states, int back) {
    int layer = states.size() - 1 - back;
    if (layer < 0) {
      throw new SfumatoException(
          "clip skip is too large: a text encoder has " + (states.size() - 1) + " layers");
    }
    return states.get(layer);
  }

  /**
   * Returns an encoder that knows a further token, and frees this one's network.
   *
   * @param vectors (N, width)
   * @throws SfumatoException if the vectors have another width, or the token exists
   */
  TextEncoder with(String token, Tensor vectors) {
    ClipTokenizer more = tokenizer.with(token, (int) vectors.size(0));
    ClipTextModel larger = model.withTokens(tokenizer.size(), vectors);
    Map<String, Object> settings = new LinkedHashMap<>(config);
    settings.put("vocab_size", larger.config().vocabSize());
    larger.takeAdapters(model);
    model.close();
    return new TextEncoder(larger, more, settings);
  }

  /**
   * Returns the same network with a tokenizer that knows a further token, which is to learn.
   *
   * @param vectors (N, width), its start
   * @throws SfumatoException if the vectors have another width, or the token exists
   */
  TextEncoder learning(String token, Tensor vectors) {
    requireTakes(token, vectors);
    model.learnTokens(tokenizer.size(), vectors);
    return new TextEncoder(model, tokenizer.with(token, (int) vectors.size(0)), config);
  }

  /** Returns whether the largest token represents a text, which a learned word would be. */
  boolean poolsLargest() {
    return model.config().pool().equals(ClipConfig.TextPool.LARGEST);
  }

  /** Requires that {@link #with} works. */
  void requireTakes(String token, Tensor vectors) {
    if (model.learnedTokens().isPresent()) {
      throw new SfumatoException("the model learns a word: close it before another is added");
    }
    tokenizer.with(token, (int) vectors.size(0));
    model.requireVectors(vectors);
  }
}
