package dev.sfumato.cli;

import dev.sfumato.model.ClassConditioning;
import dev.sfumato.run.ModelOptions;
import dev.sfumato.run.TextParts;
import dev.sfumato.scheduler.BetaSchedule;
import dev.sfumato.scheduler.PredictionType;
import java.util.Optional;
import picocli.CommandLine.Option;

/** Options for a new model, or requirements on a pretrained one. */
final class ModelArguments {
  /** Returns the U-Net of a new model, if the command has an option for it. */
  String config;

  /** The trained parts of a new text-to-image model, if the command has options for them. */
  TextParts texts = TextParts.NONE;

  @Option(
      names = "--beta-schedule",
      paramLabel = "NAME",
      description =
          "Noise schedule: linear, scaled_linear, squaredcos_cap_v2 or sigmoid (default: the model's own;"
              + " linear for a new one).")
  BetaSchedule betaSchedule;

  @Option(
      names = "--train-timesteps",
      paramLabel = "N",
      description = "Number of noise levels (default: the model's own; 1000 for a new one).")
  Integer trainTimesteps;

  @Option(
      names = "--prediction-type",
      paramLabel = "NAME",
      description =
          "What the model predicts: epsilon, sample or v_prediction (default: the model's"
              + " own; in one file of Stable Diffusion 2, v_prediction; epsilon for a new one).")
  PredictionType predictionType;

  @Option(
      names = "--class-conditioning",
      paramLabel = "NAME",
      description =
          "Class conditioning: none, channels, one_hot or embedding (default: the model's"
              + " own; none for a new one).")
  ClassConditioning.Type classConditioning;

  @Option(
      names = "--class-embedding-size",
      paramLabel = "N",
      description = "With channels: numbers per class (default: ${DEFAULT-VALUE}).")
  int classEmbeddingSize;

  ModelOptions options() {
    return new ModelOptions(
        Optional.ofNullable(config),
        new ModelOptions.Noise(
            Optional.ofNullable(betaSchedule),
            Optional.ofNullable(trainTimesteps),
            Optional.ofNullable(predictionType)),
        new ModelOptions.Classes(Optional.ofNullable(classConditioning), classEmbeddingSize),
        texts);
  }
}
