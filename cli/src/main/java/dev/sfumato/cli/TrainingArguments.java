package dev.sfumato.cli;

import dev.sfumato.data.BatchOptions;
import dev.sfumato.data.DataOptions;
import dev.sfumato.model.ClassConditioning;
import dev.sfumato.pipeline.WatchOptions;
import dev.sfumato.scheduler.PredictionType;
import dev.sfumato.training.Adam;
import dev.sfumato.training.Ema;
import dev.sfumato.training.LearningRate;
import dev.sfumato.training.Objective;
import dev.sfumato.training.TrainingOptions;
import java.util.Optional;
import java.util.Set;
import picocli.CommandLine.Option;

/** The options of a training run and what they mean to the library. */
final class TrainingArguments {
  enum OptimizerName {
    ADAMW,
    ADAM
  }

  // ---- data

  @Option(
      names = "--resolution",
      paramLabel = "N",
      defaultValue = "0",
      description =
          "Side of the square pictures in pixels (default: 28 for MNIST files, 64 for folders).")
  int resolution;

  @Option(
      names = "--center-crop",
      negatable = true,
      defaultValue = "false",
      fallbackValue = "true",
      description = "Cut the middle out of a picture that is not square, not a random part.")
  boolean centerCrop;

  @Option(
      names = "--flip",
      negatable = true,
      defaultValue = "false",
      fallbackValue = "true",
      description = "Mirror half of the pictures (default: ${DEFAULT-VALUE}).")
  boolean flip;

  @Option(
      names = "--shuffle",
      negatable = true,
      defaultValue = "true",
      fallbackValue = "true",
      description = "Draw a new order for each epoch (default: ${DEFAULT-VALUE}).")
  boolean shuffle;

  @Option(
      names = "--channels",
      paramLabel = "rgb|gray",
      defaultValue = "auto",
      description = "Colours (default: gray for MNIST files, rgb for folders).")
  DataOptions.Channels channels;

  @Option(
      names = "--on-bad-image",
      paramLabel = "skip|fail",
      defaultValue = "fail",
      description = "What to do with files that are no pictures (default: ${DEFAULT-VALUE}).")
  DataOptions.OnBadImage onBadImage;

  // ---- loop

  @Option(
      names = "--batch-size",
      paramLabel = "N",
      defaultValue = "16",
      description = "Pictures of a micro-batch (default: ${DEFAULT-VALUE}).")
  int batchSize;

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

  // ---- optimiser

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
          "What a new model predicts: epsilon, sample or v_prediction (default: the model's own;"
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
          "How a new model is told the class: none, channels, one_hot or embedding (default:"
              + " none).")
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

  // ---- watching

  @Option(
      names = "--sample-every",
      paramLabel = "N",
      defaultValue = "500",
      description = "Steps between sample grids; 0: only at the end (default: ${DEFAULT-VALUE}).")
  long sampleEvery;

  @Option(
      names = "--sample-steps",
      paramLabel = "N",
      defaultValue = "50",
      description = "Scheduler steps of a sample (default: ${DEFAULT-VALUE}).")
  int sampleSteps;

  @Option(
      names = "--sample-count",
      paramLabel = "N",
      defaultValue = "16",
      description = "Pictures of a sample grid; 0: no grids (default: ${DEFAULT-VALUE}).")
  int sampleCount;

  @Option(
      names = "--checkpoint-every",
      paramLabel = "N",
      defaultValue = "500",
      description = "Steps between checkpoints; 0: only at the end (default: ${DEFAULT-VALUE}).")
  long checkpointEvery;

  @Option(
      names = "--checkpoints-keep",
      paramLabel = "N",
      defaultValue = "2",
      description = "How many checkpoints stay (default: ${DEFAULT-VALUE}).")
  int checkpointsKeep;

  @Option(
      names = "--log",
      paramLabel = "csv,tensorboard",
      split = ",",
      defaultValue = "csv,tensorboard",
      description = "Where metrics go; csv is always written (default: ${DEFAULT-VALUE}).")
  Set<Log> log;

  enum Log {
    CSV,
    TENSORBOARD
  }

  /** Fills in the defaults that depend on other options. */
  void resolve() {
    epochs = epochs != null ? epochs : Integer.valueOf(maxSteps > 0 ? 0 : 10);
    weightDecay =
        weightDecay != null
            ? weightDecay
            : Double.valueOf(optimizer == OptimizerName.ADAMW ? 0.01 : 0);
  }

  DataOptions data() {
    return DataOptions.defaults()
        .withResolution(resolution)
        .withCenterCrop(centerCrop)
        .withChannels(channels)
        .withOnBadImage(onBadImage);
  }

  BatchOptions batches(long seed) {
    return new BatchOptions(batchSize, shuffle, flip, seed);
  }

  TrainingOptions training(PredictionType predicted, long seed) {
    return new TrainingOptions(
        epochs,
        maxSteps,
        accumulation,
        new Adam.Settings(optimizer == OptimizerName.ADAMW, beta1, beta2, epsilon, weightDecay),
        learningRate,
        lrScheduler,
        lrWarmupSteps,
        maxGradNorm,
        Optional.of(new Ema.Settings(emaDecay, emaPower, emaInvGamma)).filter(e -> useEma),
        new Objective(predicted, lossWeighting, noiseOffset),
        classDropout,
        seed);
  }

  WatchOptions watch() {
    return new WatchOptions(
        sampleEvery,
        sampleSteps,
        sampleCount,
        checkpointEvery,
        checkpointsKeep,
        log.contains(Log.TENSORBOARD));
  }
}
