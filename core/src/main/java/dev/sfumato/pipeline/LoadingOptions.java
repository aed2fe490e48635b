package dev.sfumato.pipeline;

import dev.sfumato.InvalidOptionException;
import dev.sfumato.checkpoint.ReadingOptions;
import dev.sfumato.scheduler.PredictionType;
import dev.sfumato.tensor.Precision;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Choices for loading a text-to-image model.
 *
 * <pre>{@code
 * DiffusionPipeline.load(model, LoadingOptions.DEFAULT.withLora(Path.of("style.safetensors"), 0.8));
 * }</pre>
 *
 * @param reading choices that its files leave
 * @param vae a file or directory whose autoencoder replaces the model's, or empty
 * @param loras what is merged into the weights, in this order
 * @param words files of words that were learned by textual inversion, each under its own name
 * @param checks whether a safety checker, if the model has one, makes the pictures black that it
 *     flags
 * @param precision the arithmetic of the model; in bf16 or fp16 its U-Net takes half of the memory
 *     and cannot compute in another
 * @param compact whether weights in half precision stay so on the CPU. Otherwise the U-Net's become
 *     float32 if they then take at most a quarter of the machine's memory. Results are the same:
 *     compact, drawing takes a tenth longer
 */
public record LoadingOptions(
    ReadingOptions reading,
    Optional<Path> vae,
    List<Lora> loras,
    List<Path> words,
    boolean checks,
    Precision precision,
    boolean compact) {
  /** Everything from the model's own files. */
  public static final LoadingOptions DEFAULT =
      new LoadingOptions(
          ReadingOptions.DEFAULT,
          Optional.empty(),
          List.of(),
          List.of(),
          true,
          Precision.FP32,
          false);

  /** Copies the lists. */
  public LoadingOptions {
    loras = List.copyOf(loras);
    words = List.copyOf(words);
  }

  /**
   * A LoRA.
   *
   * @param path a file, or a directory with one
   * @param scale the factor of its changes, for the U-Net and the text encoders
   */
  public record Lora(Path path, double scale) {
    private static final Pattern SCALED =
        Pattern.compile(
            "(.+):([-+]?(?:(?:\\d+\\.?\\d*|\\.\\d+)(?:[eE][-+]?\\d+)?|(?i:nan|inf(?:inity)?)))");

    /**
     * @throws InvalidOptionException if the scale is NaN or infinite
     */
    public Lora {
      LiveLora.requireFinite(scale);
    }

    /**
     * Reads {@code NAME[:SCALE]}; without a scale it is 1.
     *
     * @param located the file or directory of a name
     * @throws InvalidOptionException if the scale is NaN or infinite
     */
    public static Lora parse(String text, Function<String, Path> located) {
      Matcher scaled = SCALED.matcher(text);
      if (Files.exists(Path.of(text)) || !scaled.matches()) {
        return new Lora(located.apply(text), 1);
      }
      String scale = scaled.group(2).replaceFirst("(?i)nan", "NaN");
      double number = Double.parseDouble(scale.replaceFirst("(?i)inf(inity)?", "Infinity"));
      LiveLora.requireFinite(number); // before a download
      return new Lora(located.apply(scaled.group(1)), number);
    }
  }

  /** Returns a copy that prefers weights of a variant, such as {@code fp16}. */
  public LoadingOptions withVariant(String variant) {
    return new LoadingOptions(
        reading.withVariant(variant), vae, loras, words, checks, precision, compact);
  }

  /** Returns a copy for a model that predicts {@code type}, whatever its files say. */
  public LoadingOptions withPredictionType(PredictionType type) {
    return new LoadingOptions(
        reading.withPredictionType(type), vae, loras, words, checks, precision, compact);
  }

  /** Returns a copy with the autoencoder of a file or a directory instead of the model's. */
  public LoadingOptions withVae(Path path) {
    return new LoadingOptions(reading, Optional.of(path), loras, words, checks, precision, compact);
  }

  /** Returns a copy with one more LoRA. */
  public LoadingOptions withLora(Path path, double scale) {
    return withLora(new Lora(path, scale));
  }

  /** Returns a copy with one more LoRA. */
  public LoadingOptions withLora(Lora lora) {
    List<Lora> more = new ArrayList<>(loras);
    more.add(lora);
    return new LoadingOptions(reading, vae, more, words, checks, precision, compact);
  }

  /**
   * Returns a copy with one more word, as {@link StableDiffusionPipeline#addTextualInversion} adds
   * it.
   */
  public LoadingOptions withTextualInversion(Path file) {
    List<Path> more = new ArrayList<>(words);
    more.add(file);
    return new LoadingOptions(reading, vae, loras, more, checks, precision, compact);
  }

  /** Returns a copy without the model's safety checker: no picture is made black. */
  public LoadingOptions withoutSafetyChecker() {
    return new LoadingOptions(reading, vae, loras, words, false, precision, compact);
  }

  /** Returns a copy for a model that computes in {@code precision}. */
  public LoadingOptions withPrecision(Precision precision) {
    return new LoadingOptions(reading, vae, loras, words, checks, precision, compact);
  }

  /** Returns a copy that keeps weights in half precision as they are, to save memory. */
  public LoadingOptions withCompactWeights() {
    return new LoadingOptions(reading, vae, loras, words, checks, precision, true);
  }

  /** Refuses all choices of files for a model that does not draw texts. */
  void requireNone() {
    LoadingOptions none = DEFAULT.withoutSafetyChecker().withPrecision(precision);
    if (!withoutSafetyChecker().withCompactWeights().equals(none.withCompactWeights())) {
      throw new InvalidOptionException(
          "the model draws no texts: options of its files (`vae`, `lora`, `variant`,"
              + " `predictionType`) need a text-to-image model");
    }
  }
}
