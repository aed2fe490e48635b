package dev.sfumato.pipeline;

import dev.sfumato.clip.ClipTextModel;
import dev.sfumato.tensor.Tensor;
import java.util.List;
import java.util.Optional;

/**
 * A text encoder as one kind of U-Net reads it. All tensors belong to the current scope.
 *
 * @param encoder the text encoder
 * @param back the layers before the last whose states are read
 * @param norm whether the final normalisation applies to them
 */
record TextReader(TextEncoder encoder, int back, boolean norm) {
  /**
   * A text as the U-Net reads it.
   *
   * @param tokens (B, N, D)
   * @param pooled (B, D) from an encoder that projects
   */
  record Reading(Tensor tokens, Optional<Tensor> pooled) {}

  /** Returns the length of a row of tokens, including begin and end. */
  int length() {
    return encoder.length();
  }

  /** Reads texts; one that is too long is cut, with a warning. */
  Reading read(List<String> texts) {
    return read(encoder.ids(texts), Optional.empty());
  }

  /** Reads one row: begin, at most {@code length() - 2} tokens, end and padding. */
  Reading row(List<Integer> tokens) {
    return read(encoder.tokenizer().rows(List.of(tokens), length()), Optional.empty());
  }

  /** Reads one row in which only the positions with a 1 in {@code mask} (1, N) are seen. */
  Tensor masked(List<Integer> tokens, Tensor mask) {
    return read(encoder.tokenizer().rows(List.of(tokens), length()), Optional.of(mask)).tokens();
  }

  /** Reads the empty text. */
  Tensor empty() {
    return row(List.of()).tokens();
  }

  private Reading read(Tensor ids, Optional<Tensor> mask) {
    ClipTextModel model = encoder.model();
    List<Tensor> states =
        mask.map(m -> model.hiddenStates(ids, m.to(model.device())))
            .orElseGet(() -> model.hiddenStates(ids));
    Tensor tokens = encoder.fromTheEnd(states, back);
    return new Reading(
        norm ? model.normed(tokens) : tokens,
        model.projects()
            ? Optional.of(
                model.projected(model.pooled(model.normed(states.get(states.size() - 1)), ids)))
            : Optional.empty());
  }
}
