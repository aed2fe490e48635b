package dev.sfumato.cli;

import dev.sfumato.training.LearningRate;
import dev.sfumato.training.Optimizer;
import dev.sfumato.training.TrainingOptions;
import picocli.CommandLine.Option;

/** Options of the optimiser. */
final class OptimizerArguments {
  @Option(
      names = "--optimizer",
      paramLabel = "adamw|adam|prodigy|adafactor",
      description =
          "Update rule; prodigy finds the learning rate itself, adafactor takes the least memory"
              + " (default: ${DEFAULT-VALUE}).")
  Optimizer.Rule optimizer;

  @Option(
      names = "--learning-rate",
      paramLabel = "X",
      description =
          "Base learning rate (default: 1e-4 for new models and LoRAs, 1e-5 for pretrained models,"
              + " 5e-3 for a word; with prodigy 1, a multiple of what it finds).")
  Double learningRate;

  @Option(
      names = "--adam-beta1",
      paramLabel = "X",
      description = "Decay of the gradient's mean (default: ${DEFAULT-VALUE}).")
  double beta1;

  @Option(
      names = "--adam-beta2",
      paramLabel = "X",
      description = "Decay of the gradient's square (default: ${DEFAULT-VALUE}).")
  double beta2;

  @Option(
      names = "--adam-epsilon",
      paramLabel = "X",
      description = "Added to the denominator (default: ${DEFAULT-VALUE}).")
  double epsilon;

  @Option(
      names = "--weight-decay",
      paramLabel = "X",
      description = "Weight decay (default: 0.01, and 0 for adam).")
  Double weightDecay;

  @Option(
      names = "--max-grad-norm",
      paramLabel = "X",
      description = "Clip the gradient to this norm; 0: no clipping (default: ${DEFAULT-VALUE}).")
  double maxGradNorm;

  @Option(
      names = "--lr-scheduler",
      paramLabel = "NAME",
      description =
          "Course of the rate: constant, constant_with_warmup, linear, cosine, cosine_with_restarts,"
              + " polynomial, piecewise_constant, or exponential, times 0.9 after each epoch"
              + " (default: ${DEFAULT-VALUE}).")
  LearningRate.Kind lrScheduler;

  @Option(
      names = "--lr-warmup-steps",
      paramLabel = "N",
      description = "Optimiser steps of warm-up (default: ${DEFAULT-VALUE}).")
  long lrWarmupSteps;

  @Option(
      names = "--lr-num-cycles",
      paramLabel = "N",
      description = "With cosine_with_restarts: its cycles (default: ${DEFAULT-VALUE}).")
  int lrNumCycles;

  @Option(
      names = "--lr-power",
      paramLabel = "X",
      description = "With polynomial: its power (default: ${DEFAULT-VALUE}).")
  double lrPower;

  @Option(
      names = "--lr-step-rules",
      paramLabel = "RULES",
      description =
          "With piecewise_constant: 1:100,0.1:200,0.01 is the base rate until step 100, a tenth of"
              + " it until step 200, and then a hundredth.")
  String lrStepRules;

  TrainingOptions apply(TrainingOptions options) {
    Optimizer.Settings settings =
        Optimizer.Settings.of(optimizer).withBetas(beta1, beta2).withEpsilon(epsilon);
    TrainingOptions changed =
        options
            .withOptimizer(weightDecay == null ? settings : settings.withWeightDecay(weightDecay))
            .withLearningRateCurve(
                lrScheduler,
                lrWarmupSteps,
                new LearningRate.Shape(
                    lrNumCycles, lrPower, lrStepRules == null ? "" : lrStepRules))
            .withMaxGradNorm(maxGradNorm);
    return learningRate == null ? changed : changed.withLearningRate(learningRate);
  }
}
