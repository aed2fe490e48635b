package dev.sfumato.checkpoint;

import dev.sfumato.scheduler.PredictionType;
import java.util.Optional;

/**
 * Choices that the files of a model leave open.
 *
 * @param variant the variant of weights to prefer, such as {@code fp16}
 * @param predictionType the prediction of a single file's U-Net; empty: as its keys say
 */
public record ReadingOptions(Optional<String> variant, Optional<PredictionType> predictionType) {
  /** Follows what the files say. */
  public static final ReadingOptions DEFAULT =
      new ReadingOptions(Optional.empty(), Optional.empty());

  /** Returns a copy that prefers files of {@code variant}. */
  public ReadingOptions withVariant(String variant) {
    return new ReadingOptions(Optional.of(variant), predictionType);
  }

  /** Returns a copy for a model that predicts {@code type}. */
  public ReadingOptions withPredictionType(PredictionType type) {
    return new ReadingOptions(variant, Optional.of(type));
  }
}
