package dev.sfumato.pipeline;

import dev.sfumato.SfumatoException;
import dev.sfumato.guidance.ClassifierFreeGuidance;
import dev.sfumato.guidance.Conditioning;
import dev.sfumato.model.Condition;
import dev.sfumato.sampling.PromptSyntax;
import dev.sfumato.sampling.Sampler;
import dev.sfumato.sampling.TextOptions;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

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
  private static final System.Logger log = System.getLogger(PromptEncoder.class.getName());

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

  /** Returns the same with encoders that know a learned word; the networks of these are freed. */
  PromptEncoder with(Path file, Optional<String> token) {
    try (Scope scope = Scope.open()) {
      boolean xl = kind == StableDiffusionKind.XL;
      TextualInversion word = TextualInversion.read(file, token, xl, encoders.size());
      if (xl && encoders.get(encoders.size() - 1).poolsLargest()) {
        log.log(
            System.Logger.Level.WARNING,
            file
                + ": the text encoder sums up a prompt with this word by the word and not by its"
                + " end, as in diffusers: eos_token_id of its config.json is 2");
      }
      return new PromptEncoder(word.into(encoders), kind, zeroForNothing);
    }
  }

  /**
   * Returns the same with a further token, which is to learn.
   *
   * @param vectors (N, width) for each encoder, its start
   */
  PromptEncoder learning(String token, List<Tensor> vectors) {
    for (int i = 0; i < encoders.size(); i++) {
      encoders.get(i).requireTakes(token, vectors.get(i));
    }
    List<TextEncoder> more = new ArrayList<>();
    for (int i = 0; i < encoders.size(); i++) {
      more.add(encoders.get(i).learning(token, vectors.get(i)));
    }
    return new PromptEncoder(more, kind, zeroForNothing);
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
      Read given = read(text.prompts(), text.syntax(), text.clipSkip());
      boolean on = guided && scale > 1;
      if (!on && text.negative().filter(negative -> !negative.isBlank()).isPresent()) {
        log.log(
            System.Logger.Level.WARNING,
            "`negativePrompt` has no effect without classifier-free guidance"
                + (guided
                    ? ": choose a `guidanceScale` above 1"
                    : ", which this model does not take"));
      }
      ClassifierFreeGuidance guidance =
          on
              ? new ClassifierFreeGuidance(scale, 0, 1, text.guidanceRescale())
              : ClassifierFreeGuidance.NONE;
      Optional<Read> missing = on ? Optional.of(missing(text, given)) : Optional.empty();
      if (text.syntax() == PromptSyntax.COMPEL && on) { // it gives both the same length
        long size = Math.max(given.tokens.size(1), missing.get().tokens.size(1));
        missing = missing.map(read -> padded(read, size, 0));
        given = padded(given, size, text.clipSkip());
      }
      given = given.repeated(count / prompts);
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
        : read(List.of(text.negative().orElse("")), text.syntax(), 0);
  }

  /** Tells of prompts that are cut, once for each. */
  void tellCuts(TextOptions text, Sampler.Listener listener) {
    if (text.syntax() != PromptSyntax.NONE) {
      return;
    }
    Stream.concat(text.prompts().stream(), text.negative().stream())
        .distinct()
        .filter(prompt -> unread(prompt) > 0)
        .forEach(
            prompt ->
                listener.onCutPrompt(
                    "a prompt is too long for the text encoder, which does not read the last "
                        + unread(prompt)
                        + " of its tokens: shorten it, or choose a `promptSyntax` that reads long"
                        + " prompts in parts"));
  }

  /** Returns the number of tokens at the end of a text that no text encoder reads. */
  int unread(String text) {
    return encoders.stream().mapToInt(encoder -> encoder.unread(text)).min().orElse(0);
  }

  /** Returns in words all settings on which {@link #texts} depends beside the weights. */
  String settings() {
    return kind + encoders.stream().map(TextEncoder::settings).toList().toString();
  }

  /** Returns what the U-Net reads of texts. */
  Condition texts(List<String> texts) {
    return read(texts, PromptSyntax.NONE, 0).condition();
  }

  private Read read(List<String> texts, PromptSyntax syntax, int skip) {
    List<Tensor> states = new ArrayList<>();
    Optional<Tensor> pooled = Optional.empty();
    for (TextEncoder encoder : encoders) {
      TextReader.Reading reading = read(texts, syntax, reader(encoder, skip));
      states.add(reading.tokens());
      pooled = reading.pooled();
    }
    return kind == StableDiffusionKind.ONE_ENCODER
        ? new Read(states.get(0), Optional.empty())
        : new Read(Tensor.cat(states, 2), pooled);
  }

  private TextReader reader(TextEncoder encoder, int skip) {
    return kind == StableDiffusionKind.ONE_ENCODER
        ? new TextReader(encoder, skip, true)
        : new TextReader(encoder, skip + 1, false);
  }

  private static TextReader.Reading read(
      List<String> texts, PromptSyntax syntax, TextReader reader) {
    if (syntax == PromptSyntax.NONE) {
      return reader.read(texts);
    }
    List<TextReader.Reading> each =
        texts.stream()
            .map(
                text ->
                    syntax == PromptSyntax.A1111
                        ? A1111Prompt.read(text, reader)
                        : CompelPrompt.read(text, reader))
            .toList();
    long size = each.stream().mapToLong(r -> r.tokens().size(1)).max().orElseThrow();
    List<Tensor> rows =
        each.stream().map(r -> CompelPrompt.padded(r.tokens(), reader.empty(), size)).toList();
    List<Tensor> pooled = each.stream().flatMap(r -> r.pooled().stream()).toList();
    return new TextReader.Reading(
        Tensor.cat(rows, 0),
        pooled.isEmpty() ? Optional.empty() : Optional.of(Tensor.cat(pooled, 0)));
  }

  /** Appends the empty text to a reading until it has {@code size} tokens. */
  private Read padded(Read read, long size, int skip) {
    List<Tensor> empty = encoders.stream().map(e -> reader(e, skip).empty()).toList();
    return new Read(CompelPrompt.padded(read.tokens, Tensor.cat(empty, 2), size), read.vector);
  }
}
