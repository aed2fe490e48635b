package dev.sfumato.cli;

import dev.sfumato.InvalidOptionException;
import dev.sfumato.model.ClassConditioning;
import dev.sfumato.run.Training;
import dev.sfumato.training.Ema;
import dev.sfumato.training.LatentCache;
import dev.sfumato.training.LearningRate;
import dev.sfumato.training.Objective;
import dev.sfumato.training.Optimizer;
import java.util.List;
import java.util.Set;
import picocli.CommandLine.Model.CommandSpec;

/** Refuses options of a training that would change nothing beside the others. */
final class IgnoredOptions {
  private static final Set<LearningRate.Kind> WITHOUT_WARMUP =
      Set.of(
          LearningRate.Kind.CONSTANT,
          LearningRate.Kind.PIECEWISE_CONSTANT,
          LearningRate.Kind.EXPONENTIAL);

  private static final List<OptionNeed<TrainingCommand>> RULES =
      List.of(
          new OptionNeed<>(
              "--ema-formula --ema-decay --ema-power --ema-inv-gamma",
              c -> c.training.useEma,
              "--use-ema"),
          new OptionNeed<>(
              "--ema-power --ema-inv-gamma",
              c -> c.training.emaFormula == Ema.Formula.POWER,
              "--ema-formula power"),
          new OptionNeed<>(
              "--snr-gamma",
              c -> c.training.lossWeighting == Objective.Weighting.MIN_SNR,
              "--loss-weighting min_snr"),
          new OptionNeed<>(
              "--adam-beta1 --adam-beta2 --adam-epsilon",
              c -> c.training.optimizer.optimizer != Optimizer.Rule.ADAFACTOR,
              "another --optimizer than adafactor"),
          new OptionNeed<>(
              "--lr-warmup-steps",
              c ->
                  c.training.optimizer.lrWarmupSteps == 0
                      || !WITHOUT_WARMUP.contains(c.training.optimizer.lrScheduler),
              "an --lr-scheduler with a warm-up, such as constant_with_warmup"),
          ofScheduler("--lr-num-cycles", LearningRate.Kind.COSINE_WITH_RESTARTS),
          ofScheduler("--lr-power", LearningRate.Kind.POLYNOMIAL),
          ofScheduler("--lr-step-rules", LearningRate.Kind.PIECEWISE_CONSTANT),
          new OptionNeed<>(
              "--cache-dir",
              c -> c.training.cacheLatents == LatentCache.Kind.DISK,
              "--cache-latents disk"),
          new OptionNeed<>(
              "--keep-tokens",
              c -> c.pictures.keepTokens == 0 || c.pictures.shuffleTags,
              "--shuffle-tags"),
          new OptionNeed<>(
              "--class-embedding-size",
              c ->
                  c.described.classConditioning == ClassConditioning.Type.CHANNELS
                      && c.spec.findOption("--model").getValue() == null,
              "a new model with --class-conditioning channels"));

  private static final List<String> OF_TEXTS =
      List.of(
          "--lora",
          "--instance-prompt",
          "--shuffle-tags",
          "--caption-dropout",
          "--cache-latents",
          "--validation-prompt",
          "--class-prompt");

  private IgnoredOptions() {}

  private static OptionNeed<TrainingCommand> ofScheduler(String option, LearningRate.Kind kind) {
    return new OptionNeed<>(
        option, c -> c.training.optimizer.lrScheduler == kind, "--lr-scheduler " + kind);
  }

  /**
   * Refuses options that need others; a resumed run has those of its start.
   *
   * @throws InvalidOptionException naming the option and what it needs
   */
  static void refuse(TrainingCommand command) {
    RULES.stream()
        .flatMap(rule -> rule.unmet(command, command.spec))
        .findFirst()
        .ifPresent(
            message -> {
              throw new InvalidOptionException(message);
            });
  }

  /**
   * Refuses options for another kind of model.
   *
   * @throws InvalidOptionException naming the option
   */
  static void refuse(CommandSpec command, Training whole) {
    if (whole.isOfTexts()) {
      InvalidOptionException.require(
          !isGiven(command, "--class-dropout"),
          "--class-dropout has no effect on a text-to-image model, which has --caption-dropout");
      return;
    }
    for (String option : OF_TEXTS) {
      InvalidOptionException.require(
          !isGiven(command, option), option + " has no effect: it needs a text-to-image model");
    }
  }

  private static boolean isGiven(CommandSpec command, String option) {
    return command.commandLine().getParseResult().hasMatchedOption(option);
  }
}
