package dev.sfumato.cli;

import dev.sfumato.model.ClassConditioning;
import dev.sfumato.scheduler.PredictionType;
import dev.sfumato.training.Ema;
import dev.sfumato.training.Objective;
import dev.sfumato.training.TrainingOptions;
import java.util.Optional;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** How a run trains. */
final class TrainingArguments {
  @Option(
      names = "--gradient-accumulation-steps",
      paramLabel = "N",
      defaultValue = "1",
      description = "Micro-batches of an optimiser step (default: ${DEFAULT-VALUE}).")
  int accumulation;

  @Option(
      names = "--epochs",
      paramLabel = "N",
      description =
          "Passes over the data; 0: as many as --max-steps takes (default: 10, or 0 with"
              + " --max-steps).")
  Integer epochs;

  @Option(
      names = "--max-steps",
      paramLabel = "N",
      defaultValue = "0",
      description = "End after so many optimiser steps; 0: no limit (default: ${DEFAULT-VALUE}).")
  long maxSteps;

  @Mixin OptimizerArguments optimizer;

  // ---- moving average

  @Option(
      names = "--use-ema",
      negatable = true,
      defaultValue = "false",
      fallbackValue = "true",
      description = "Keep a moving average of the weights; samples and the saved model use it.")
  boolean useEma;

  @Option(
      names = "--ema-decay",
      paramLabel = "X",
      defaultValue = "0.9999",
      description = "Largest decay of the average (default: ${DEFAULT-VALUE}).")
  double emaDecay;

  @Option(
      names = "--ema-power",
      paramLabel = "X",
      defaultValue = "0.75",
      description = "How fast the decay warms up (default: ${DEFAULT-VALUE}).")
  double emaPower;

  @Option(
      names = "--ema-inv-gamma",
      paramLabel = "X",
      defaultValue = "1",
      description = "Scale of the warm-up in steps (default: ${DEFAULT-VALUE}).")
  double emaInvGamma;

  // ---- objective

  @Option(
      names = "--prediction-type",
      paramLabel = "NAME",
      description =
          "What the model predicts: epsilon, sample or v_prediction (default: the model's own;"
              + " epsilon for a new one).")
  PredictionType predictionType;

  @Option(
      names = "--loss-weighting",
      paramLabel = "none|min_snr",
      defaultValue = "none",
      description = "Weights of timesteps (default: ${DEFAULT-VALUE}).")
  Objective.Weighting lossWeighting;

  @Option(
      names = "--noise-offset",
      paramLabel = "X",
      defaultValue = "0",
      description = "Strength of noise that is even over a picture (default: ${DEFAULT-VALUE}).")
  double noiseOffset;

  // ---- classes

  @Option(
      names = "--class-conditioning",
      paramLabel = "NAME",
      description =
          "How the model is told the class: none, channels, one_hot or embedding (default: the"
              + " model's own; none for a new one).")
  ClassConditioning.Type classConditioning;

  @Option(
      names = "--class-embedding-size",
      paramLabel = "N",
      defaultValue = "4",
      description = "With channels: numbers per class (default: ${DEFAULT-VALUE}).")
  int classEmbeddingSize;

  @Option(
      names = "--class-dropout",
      paramLabel = "X",
      defaultValue = "0",
      description =
          "Share of labels left out, so that --class-guidance-scale can be used later (default:"
              + " ${DEFAULT-VALUE}).")
  double classDropout;

  /** Fills in the defaults that depend on other options. */
  void resolve() {
    epochs = epochs != null ? epochs : Integer.valueOf(maxSteps > 0 ? 0 : 10);
    optimizer.resolve();
  }

  TrainingOptions options(PredictionType predicted, long seed) {
    return new TrainingOptions(
        epochs,
        maxSteps,
        accumulation,
        optimizer.settings(),
        optimizer.learningRate,
        optimizer.lrScheduler,
        optimizer.lrWarmupSteps,
        optimizer.maxGradNorm,
        Optional.of(new Ema.Settings(emaDecay, emaPower, emaInvGamma)).filter(e -> useEma),
        new Objective(predicted, lossWeighting, noiseOffset),
        classDropout,
        seed);
  }
}
