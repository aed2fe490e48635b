package dev.sfumato.pipeline;

import dev.sfumato.SfumatoException;
import dev.sfumato.checkpoint.ReadingOptions;
import dev.sfumato.scheduler.PredictionType;
import java.nio.file.Path;
import java.util.Optional;

/**
 * Choices for loading a text-to-image model.
 *
 * @param reading choices that its files leave
 * @param vae a file or directory whose autoencoder replaces the model's, or empty
 */
public record LoadingOptions(ReadingOptions reading, Optional<Path> vae) {
  /** Everything from the model's own files. */
  public static final LoadingOptions DEFAULT =
      new LoadingOptions(ReadingOptions.DEFAULT, Optional.empty());

  /** Returns a copy that prefers weights of a variant, such as {@code fp16}. */
  public LoadingOptions withVariant(String variant) {
    return new LoadingOptions(reading.withVariant(variant), vae);
  }

  /** Returns a copy for a model that predicts {@code type}, whatever its files say. */
  public LoadingOptions withPredictionType(PredictionType type) {
    return new LoadingOptions(reading.withPredictionType(type), vae);
  }

  /** Returns a copy with the autoencoder of a file or a directory instead of the model's. */
  public LoadingOptions withVae(Path path) {
    return new LoadingOptions(reading, Optional.of(path));
  }

  /** Refuses all choices for a model that does not draw texts. */
  void requireNone() {
    if (!equals(DEFAULT)) {
      throw new SfumatoException(
          "the model draws no texts: options of its files (vae, variant, prediction-type) need a"
              + " text-to-image model");
    }
  }
}
