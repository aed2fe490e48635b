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
import java.util.function.Predicate;
import picocli.CommandLine.Model.CommandSpec;

/** Refuses options of a training that would change nothing beside the others. */
final class IgnoredOptions {
  private static final Set<LearningRate.Kind> WITHOUT_WARMUP =
      Set.of(
          LearningRate.Kind.CONSTANT,
          LearningRate.Kind.PIECEWISE_CONSTANT,
          LearningRate.Kind.EXPONENTIAL);

  /**
   * A condition without which some options change nothing.
   *
   * @param options the options' names, with spaces between them
   * @param need the condition in words
   */
  private record Rule(String options, Predicate<TrainingCommand> isMet, String need) {}

  private static final List<Rule> RULES =
      List.of(
          new Rule(
              "--ema-formula --ema-decay --ema-power --ema-inv-gamma",
              c -> c.training.useEma,
              "--use-ema"),
          new Rule(
              "--ema-power --ema-inv-gamma",
              c -> c.training.emaFormula == Ema.Formula.POWER,
              "--ema-formula power"),
          new Rule(
              "--snr-gamma",
              c -> c.training.lossWeighting == Objective.Weighting.MIN_SNR,
              "--loss-weighting min_snr"),
          new Rule(
              "--adam-beta1 --adam-beta2 --adam-epsilon",
              c -> c.training.optimizer.optimizer != Optimizer.Rule.ADAFACTOR,
              "another --optimizer than adafactor"),
          new Rule(
              "--lr-warmup-steps",
              c ->
                  c.training.optimizer.lrWarmupSteps == 0
                      || !WITHOUT_WARMUP.contains(c.training.optimizer.lrScheduler),
              "an --lr-scheduler with a warm-up, such as constant_with_warmup"),
          ofScheduler("--lr-num-cycles", LearningRate.Kind.COSINE_WITH_RESTARTS),
          ofScheduler("--lr-power", LearningRate.Kind.POLYNOMIAL),
          ofScheduler("--lr-step-rules", LearningRate.Kind.PIECEWISE_CONSTANT),
          new Rule(
              "--cache-dir",
              c -> c.training.cacheLatents == LatentCache.Kind.DISK,
              "--cache-latents disk"),
          new Rule(
              "--keep-tokens",
              c -> c.pictures.keepTokens == 0 || c.pictures.shuffleTags,
              "--shuffle-tags"),
          new Rule(
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

  private static Rule ofScheduler(String option, LearningRate.Kind kind) {
    return new Rule(
        option, c -> c.training.optimizer.lrScheduler == kind, "--lr-scheduler " + kind);
  }

  /**
   * Refuses options that need others; a resumed run has those of its start.
   *
   * @throws InvalidOptionException naming the option and what it needs
   */
  static void refuse(TrainingCommand command) {
    for (Rule rule : RULES) {
      for (String option : rule.options.split(" ")) {
        if (isGiven(command.spec, option) && !rule.isMet.test(command)) {
          throw new InvalidOptionException(option + " has no effect: it needs " + rule.need);
        }
      }
    }
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
