package dev.sfumato.pipeline;

import dev.sfumato.SfumatoException;
import dev.sfumato.guidance.ClassifierFreeGuidance;
import dev.sfumato.guidance.Conditioning;
import dev.sfumato.model.Condition;
import dev.sfumato.sampling.TextOptions;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Turns prompts into the conditions of a U-Net. Stable Diffusion 1 and 2 read the normed states of
 * one text encoder; XL reads the states before the last layer of each of its encoders, side by
 * side, and the pooled text of the last.
 *
 * @param encoders the text encoder, or those of XL
 * @param kind the kind of model
 * @param zeroForNothing XL: whether a missing negative prompt is a text of zeros
 */
record PromptEncoder(List<TextEncoder> encoders, StableDiffusionKind kind, boolean zeroForNothing) {
  /** A text as the U-Net reads it: tokens (B, N, D) and, for XL, a vector (B, D). */
  private record Read(Tensor tokens, Optional<Tensor> vector) {
    Condition condition() {
      Condition condition = Condition.NONE.withTokens(tokens);
      return vector.map(condition::withVector).orElse(condition);
    }

    /** Repeats each row {@code times} times. */
    Read repeated(int times) {
      return times == 1 || tokens.size(0) == 1
          ? this // a single row serves all pictures
          : new Read(repeat(tokens, times), vector.map(v -> repeat(v, times)));
    }

    private static Tensor repeat(Tensor rows, int times) {
      long[] shape = rows.shape();
      long[] expanded = new long[shape.length + 1];
      expanded[0] = shape[0];
      expanded[1] = times;
      System.arraycopy(shape, 1, expanded, 2, shape.length - 1);
      shape[0] *= times;
      return rows.unsqueeze(1).expand(expanded).reshape(shape);
    }

    Read zeros() {
      return new Read(tokens.narrow(0, 0, 1).mul(0), vector.map(v -> v.narrow(0, 0, 1).mul(0)));
    }
  }

  /**
   * Makes the conditions of {@code count} pictures of {@code text}, in the current scope.
   *
   * @param guided whether the model supports classifier-free guidance
   * @throws SfumatoException if the prompts cannot be shared among the pictures
   */
  Conditioning conditioning(TextOptions text, int count, boolean guided) {
    int prompts = text.prompts().size();
    if (prompts == 0) {
      throw new SfumatoException("the model draws texts: give a prompt");
    }
    if (count % prompts != 0) {
      throw new SfumatoException(
          count + " pictures cannot be shared evenly among " + prompts + " prompts");
    }
    double scale = text.guidanceScale().orElse(kind.guidanceScale(false));
    try (Scope scope = Scope.open()) {
      Read given = read(text.prompts(), text.clipSkip()).repeated(count / prompts);
      boolean on = guided && scale > 1;
      ClassifierFreeGuidance guidance =
          on
              ? new ClassifierFreeGuidance(scale, 0, 1, text.guidanceRescale())
              : ClassifierFreeGuidance.NONE;
      Optional<Read> missing = on ? Optional.of(missing(text, given)) : Optional.empty();
      keep(scope, given);
      missing.ifPresent(read -> keep(scope, read));
      return new Conditioning(given.condition(), missing.map(Read::condition), guidance);
    }
  }

  private static void keep(Scope scope, Read read) {
    scope.keep(read.tokens);
    read.vector.ifPresent(scope::keep);
  }

  private Read missing(TextOptions text, Read given) {
    return zeroForNothing && text.negative().isEmpty()
        ? given.zeros()
        : read(List.of(text.negative().orElse("")), 0);
  }

  private Read read(List<String> texts, int skip) {
    if (kind == StableDiffusionKind.ONE_ENCODER) {
      TextEncoder encoder = encoders.get(0);
      return new Read(
          encoder.model().normed(encoder.encode(texts).fromTheEnd(skip)), Optional.empty());
    }
    List<Tensor> states = new ArrayList<>();
    Tensor pooled = null;
    for (TextEncoder encoder : encoders) {
      TextEncoder.Encoded encoded = encoder.encode(texts);
      states.add(encoded.fromTheEnd(skip + 1));
      if (encoder.model().projects()) {
        Tensor last = encoder.model().normed(encoded.fromTheEnd(0));
        pooled = encoder.model().projected(encoder.model().pooled(last, encoded.ids()));
      }
    }
    return new Read(Tensor.cat(states, 2), Optional.of(pooled));
  }
}
