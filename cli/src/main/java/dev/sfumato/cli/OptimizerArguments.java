package dev.sfumato.cli;

import dev.sfumato.training.Adam;
import dev.sfumato.training.LearningRate;
import picocli.CommandLine.Option;

/** How a run changes the weights. */
final class OptimizerArguments {
  enum OptimizerName {
    ADAMW,
    ADAM
  }

  @Option(
      names = "--optimizer",
      paramLabel = "adamw|adam",
      defaultValue = "adamw",
      description = "Update rule (default: ${DEFAULT-VALUE}).")
  OptimizerName optimizer;

  @Option(
      names = "--learning-rate",
      paramLabel = "X",
      defaultValue = "1e-4",
      description = "Base learning rate (default: ${DEFAULT-VALUE}).")
  double learningRate;

  @Option(
      names = "--adam-beta1",
      paramLabel = "X",
      defaultValue = "0.9",
      description = "Decay of the gradient's mean (default: ${DEFAULT-VALUE}).")
  double beta1;

  @Option(
      names = "--adam-beta2",
      paramLabel = "X",
      defaultValue = "0.999",
      description = "Decay of the gradient's square (default: ${DEFAULT-VALUE}).")
  double beta2;

  @Option(
      names = "--adam-epsilon",
      paramLabel = "X",
      defaultValue = "1e-8",
      description = "Added to the denominator (default: ${DEFAULT-VALUE}).")
  double epsilon;

  @Option(
      names = "--weight-decay",
      paramLabel = "X",
      description = "Weight decay (default: 0.01 for adamw, 0 for adam).")
  Double weightDecay;

  @Option(
      names = "--max-grad-norm",
      paramLabel = "X",
      defaultValue = "1",
      description = "Clip the gradient to this norm; 0: never (default: ${DEFAULT-VALUE}).")
  double maxGradNorm;

  @Option(
      names = "--lr-scheduler",
      paramLabel = "NAME",
      defaultValue = "constant",
      description =
          "constant, constant_with_warmup, linear, cosine, cosine_with_restarts, polynomial or"
              + " exponential: 0.9 times less each epoch (default: ${DEFAULT-VALUE}).")
  LearningRate.Kind lrScheduler;

  @Option(
      names = "--lr-warmup-steps",
      paramLabel = "N",
      defaultValue = "0",
      description = "Optimiser steps of warm-up (default: ${DEFAULT-VALUE}).")
  long lrWarmupSteps;

  /** Fills in the default that depends on the optimiser. */
  void resolve() {
    weightDecay =
        weightDecay != null
            ? weightDecay
            : Double.valueOf(optimizer == OptimizerName.ADAMW ? 0.01 : 0);
  }

  Adam.Settings settings() {
    return new Adam.Settings(optimizer == OptimizerName.ADAMW, beta1, beta2, epsilon, weightDecay);
  }
}
