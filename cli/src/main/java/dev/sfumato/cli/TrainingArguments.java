package dev.sfumato.cli;

import dev.sfumato.training.Ema;
import dev.sfumato.training.LatentCache;
import dev.sfumato.training.Objective;
import dev.sfumato.training.TrainingOptions;
import java.nio.file.Path;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Options of training. The defaults are the library's: {@link SavedOptions}. */
final class TrainingArguments {
  @Option(
      names = "--gradient-accumulation-steps",
      paramLabel = "N",
      description = "Micro-batches per optimiser step (default: ${DEFAULT-VALUE}).")
  int accumulation;

  @Option(
      names = "--epochs",
      paramLabel = "N",
      description =
          "Passes over the data; 0: as many as --max-steps needs (default: 10, or 0 with"
              + " --max-steps).")
  Integer epochs;

  @Option(
      names = "--max-steps",
      paramLabel = "N",
      description = "End after this many optimiser steps; 0: no limit (default: ${DEFAULT-VALUE}).")
  long maxSteps;

  @Mixin OptimizerArguments optimizer;

  // ---- moving average

  @Option(
      names = "--use-ema",
      negatable = true,
      fallbackValue = "true",
      description = "Keep a moving average of the weights; samples and the saved model use it.")
  boolean useEma;

  @Option(
      names = "--ema-formula",
      paramLabel = "power|text-to-image",
      description =
          "Warm-up of the average's decay: by --ema-power, or (1 + n) / (10 + n) as in diffusers'"
              + " text-to-image script (default: ${DEFAULT-VALUE}).")
  Ema.Formula emaFormula;

  @Option(
      names = "--ema-decay",
      paramLabel = "X",
      description = "Largest decay of the average (default: ${DEFAULT-VALUE}).")
  double emaDecay;

  @Option(
      names = "--ema-power",
      paramLabel = "X",
      description = "Speed of the decay's warm-up (default: ${DEFAULT-VALUE}).")
  double emaPower;

  @Option(
      names = "--ema-inv-gamma",
      paramLabel = "X",
      description = "Scale of the warm-up in steps (default: ${DEFAULT-VALUE}).")
  double emaInvGamma;

  // ---- objective

  @Option(
      names = "--loss-weighting",
      paramLabel = "none|min_snr",
      description = "Weighting of timesteps (default: ${DEFAULT-VALUE}).")
  Objective.Weighting lossWeighting;

  @Option(
      names = "--snr-gamma",
      paramLabel = "X",
      description =
          "With min_snr: the largest signal-to-noise ratio that counts (default:"
              + " ${DEFAULT-VALUE}).")
  double snrGamma;

  @Option(
      names = "--noise-offset",
      paramLabel = "X",
      description =
          "Strength of noise that is constant over a picture (default: ${DEFAULT-VALUE}).")
  double noiseOffset;

  @Option(
      names = "--input-perturbation",
      paramLabel = "X",
      description =
          "Strength of additional noise that the model does not learn to predict; 0.1 is usual (default:"
              + " ${DEFAULT-VALUE}).")
  double inputPerturbation;

  // ---- classes

  @Option(
      names = "--class-dropout",
      paramLabel = "X",
      description =
          "Share of labels to drop, so that --class-guidance-scale can be used later (default:"
              + " ${DEFAULT-VALUE}).")
  double classDropout;

  // ---- captions

  @Option(
      names = "--caption-dropout",
      paramLabel = "X",
      description =
          "Text-to-image models: share of captions to drop, so that --guidance-scale can be used"
              + " later (default: ${DEFAULT-VALUE}).")
  double captionDropout;

  @Option(
      names = "--cache-latents",
      paramLabel = "none|memory|disk",
      description =
          "Text-to-image models: where encoded pictures and captions are kept for the next epochs;"
              + " a disk also keeps them for later runs (default: ${DEFAULT-VALUE}).")
  LatentCache.Kind cacheLatents;

  @Option(
      names = "--cache-dir",
      paramLabel = "DIR",
      description =
          "Folder of --cache-latents disk (default: sfumato/latents in $XDG_CACHE_HOME or in"
              + " ~/.cache).")
  Path cacheDir;

  TrainingOptions apply(TrainingOptions usual) {
    TrainingOptions options =
        optimizer.apply(usual).withMaxSteps(maxSteps).withGradientAccumulationSteps(accumulation);
    options = epochs == null ? options : options.withEpochs(epochs);
    Ema.Settings ema = new Ema.Settings(emaFormula, emaDecay, emaPower, emaInvGamma);
    return (useEma ? options.withEma(ema) : options).requireSteps();
  }

  LatentCache latentCache() {
    return new LatentCache(cacheLatents, cacheDir);
  }

  Objective objective() {
    return Objective.defaults()
        .withLossWeighting(lossWeighting)
        .withSnrGamma(snrGamma)
        .withNoiseOffset(noiseOffset)
        .withInputPerturbation(inputPerturbation)
        .withClassDropout(classDropout)
        .withCaptionDropout(captionDropout);
  }
}
