package dev.sfumato.cli;

import dev.sfumato.pipeline.LoadingOptions;
import dev.sfumato.scheduler.PredictionType;
import picocli.CommandLine.Option;

/** Options for the files of a text-to-image model. */
final class LoadingArguments {
  @Option(
      names = "--vae",
      paramLabel = "FILE|DIR|ID",
      description = "Autoencoder to use instead of the model's own.")
  String vae;

  @Option(
      names = "--variant",
      paramLabel = "NAME",
      description =
          "Variant of the weights to read where a model has several, such as fp16 (default: full"
              + " precision).")
  String variant;

  @Option(
      names = "--prediction-type",
      paramLabel = "NAME",
      description =
          "Prediction of the model: epsilon, sample or v_prediction (default: what its files"
              + " say; in one file of Stable Diffusion 2, v_prediction).")
  PredictionType predictionType;

  /** Returns the options; downloads what they name on the Hub. */
  LoadingOptions options() {
    LoadingOptions options = LoadingOptions.DEFAULT;
    options = variant == null ? options : options.withVariant(variant);
    options = predictionType == null ? options : options.withPredictionType(predictionType);
    return vae == null ? options : options.withVae(Downloads.autoencoder(vae));
  }
}
