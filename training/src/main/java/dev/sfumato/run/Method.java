package dev.sfumato.run;

import static dev.sfumato.InvalidOptionException.require;

import dev.sfumato.InvalidOptionException;
import dev.sfumato.checkpoint.LoraFormat;
import dev.sfumato.checkpoint.LoraOptions;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * The part of a text-to-image model that learns, which is also the part that is saved. Other models
 * always learn in {@link #full}.
 *
 * <pre>{@code
 * Method.lora(LoraOptions.defaults().withRank(8)).withTextEncoder(true)
 * }</pre>
 */
public final class Method {
  /** The kinds of methods. */
  public enum Kind {
    /** All weights learn; the result is a model. */
    FULL,
    /** Small matrices beside the weights learn (LoRA); the result is their file. */
    LORA,
    /** The vectors of a new word learn; the result is their file. */
    TEXTUAL_INVERSION;

    /**
     * Returns the base learning rate that the method usually takes: 1e-4 for a LoRA and 5e-3 for a
     * word.
     *
     * @param whole that of a whole model
     */
    public double usualLearningRate(double whole) {
      return switch (this) {
        case FULL -> whole;
        case LORA -> 1e-4;
        case TEXTUAL_INVERSION -> 5e-3;
      };
    }

    @Override
    public String toString() {
      return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
  }

  /**
   * A word that is learned.
   *
   * @param token the word, which the model does not know
   * @param like a known word of one token, the start of its vectors
   * @param vectors the number of its vectors
   */
  public record Word(String token, String like, int vectors) {
    /**
     * @throws InvalidOptionException if a word is empty, or the number less than 1
     */
    public Word {
      require(
          !token.isBlank() && !like.isBlank(),
          "textual inversion needs a `placeholderToken`, the new word, and an `initializerToken`,"
              + " a known word to start from");
      require(vectors >= 1, "`vectors` must be at least 1, but is " + vectors);
    }
  }

  private final Kind kind;
  private final Optional<Boolean> textEncoder;
  private final LoraOptions lora;
  private final Optional<String> start;
  private final LoraFormat format;
  private final Word word;

  private Method(
      Kind kind,
      Optional<Boolean> textEncoder,
      LoraOptions lora,
      Optional<String> start,
      LoraFormat format,
      Word word) {
    this.kind = kind;
    this.textEncoder = textEncoder;
    this.lora = lora;
    this.start = start;
    this.format = format;
    this.word = word;
  }

  private static Method of(Kind kind, LoraOptions lora, Word word) {
    return new Method(kind, Optional.empty(), lora, Optional.empty(), LoraFormat.DIFFUSERS, word);
  }

  /** All weights of the U-Net learn. */
  public static Method full() {
    return of(Kind.FULL, LoraOptions.defaults(), null);
  }

  /** A LoRA of the U-Net learns. */
  public static Method lora(LoraOptions options) {
    return of(Kind.LORA, options, null);
  }

  /** A word learns. */
  public static Method textualInversion(Word word) {
    return of(Kind.TEXTUAL_INVERSION, LoraOptions.defaults(), word);
  }

  /** Returns a copy by which the text encoders learn, too, in full or by a LoRA. */
  public Method withTextEncoder(boolean on) {
    require(
        !on || kind != Kind.TEXTUAL_INVERSION,
        "`trainTextEncoder` does not go with textual inversion, which learns one word of it");
    return new Method(kind, Optional.of(on), lora, start, format, word);
  }

  /**
   * Returns a copy whose LoRA goes on from a given one, which keeps its rank, alpha and layers; the
   * options of {@link #lora} that are set must agree. If it changes text encoders, they learn, too.
   *
   * @param name a file or a directory of any form that {@code StableDiffusionPipeline.addLora}
   *     reads, or an id of the Hub
   */
  public Method withStart(String name) {
    require(
        kind == Kind.LORA,
        "`lora` goes with `method` lora: to train another part, merge it into the model first");
    return new Method(kind, textEncoder, lora, Optional.of(name), format, word);
  }

  /** Returns a copy that writes its LoRA in this form. */
  public Method withFormat(LoraFormat other) {
    return new Method(kind, textEncoder, lora, start, other, word);
  }

  /** Returns the kind. */
  public Kind kind() {
    return kind;
  }

  /** Returns whether the text encoders learn, too; a given LoRA may decide that itself. */
  public boolean textEncoder() {
    return textEncoder.orElse(false);
  }

  /** Returns the LoRA to go on from. */
  Optional<String> start() {
    return start;
  }

  /** Returns the shape of the LoRA, or what a given one must have. */
  LoraOptions lora() {
    return start.isPresent() ? lora : lora.completed();
  }

  /** Returns whether a LoRA must or must not change text encoders. */
  Optional<Boolean> requiresTextEncoder() {
    return start.isPresent() ? textEncoder : Optional.of(textEncoder());
  }

  /** Returns the form of the LoRA's file. */
  LoraFormat format() {
    return format;
  }

  /** Returns the word of textual inversion. */
  Word word() {
    return word;
  }

  /** Returns every option by its name in {@code config.json}. */
  Map<String, Object> settings() {
    Map<String, Object> settings = new LinkedHashMap<>();
    settings.put("method", kind.toString());
    settings.put("train_text_encoder", textEncoder());
    if (kind == Kind.LORA) {
      start.ifPresent(name -> settings.put("lora", name));
      settings.putAll(lora().settings());
      settings.put("lora_format", format.toString());
    }
    if (kind == Kind.TEXTUAL_INVERSION) {
      settings.put("placeholder_token", word.token);
      settings.put("initializer_token", word.like);
      settings.put("vectors", word.vectors);
    }
    return settings;
  }
}
