package dev.sfumato.cli;

import dev.sfumato.pipeline.DiffusionPipeline;
import dev.sfumato.pipeline.LoadingOptions;
import dev.sfumato.scheduler.PredictionType;
import dev.sfumato.tensor.Precision;
import java.nio.file.Path;
import java.util.List;
import picocli.CommandLine.Option;

/** The model to load, and options for the files of a text-to-image model. */
final class LoadingArguments {
  @Option(
      names = "--model",
      required = true,
      paramLabel = "DIR|FILE|ID",
      description =
          "A model directory in diffusers' layout, a Stable Diffusion in one .safetensors or .ckpt"
              + " file, or a model of the Hub: org/name[@revision].")
  String model;

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
          "What the model predicts: epsilon, sample or v_prediction (default: what its files"
              + " say; in one file of Stable Diffusion 2, v_prediction).")
  PredictionType predictionType;

  @Option(
      names = "--lora",
      paramLabel = "FILE|DIR|ID[:SCALE]",
      description =
          "LoRA to merge into the model when it is loaded; can be given several times (default of"
              + " SCALE: 1).")
  List<String> loras = List.of();

  @Option(
      names = "--no-safety-checker",
      description =
          "Leave out the model's safety checker, which blackens the pictures that it flags.")
  boolean unchecked;

  /**
   * Loads the model; downloads what the options name on the Hub.
   *
   * @param compact whether memory matters more than the time of many steps
   */
  DiffusionPipeline load(Precision precision, boolean compact) {
    Path files = Downloads.pipeline(model, variant, !unchecked);
    LoadingOptions asked = options().withPrecision(precision);
    LoadingOptions options = compact ? asked.withCompactWeights() : asked;
    return StepProgress.during("load the model", () -> DiffusionPipeline.load(files, options));
  }

  private LoadingOptions options() {
    LoadingOptions options = LoadingOptions.DEFAULT;
    options = variant == null ? options : options.withVariant(variant);
    options = predictionType == null ? options : options.withPredictionType(predictionType);
    options = unchecked ? options.withoutSafetyChecker() : options;
    options = vae == null ? options : options.withVae(Downloads.autoencoder(vae));
    for (String lora : loras) {
      options = options.withLora(LoadingOptions.Lora.parse(lora, Downloads::lora));
    }
    return options;
  }
}
