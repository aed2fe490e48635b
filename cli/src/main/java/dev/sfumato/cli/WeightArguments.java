package dev.sfumato.cli;

import dev.sfumato.training.TrainedWeights;
import java.util.List;
import picocli.CommandLine.Option;

/** Options for the weights to train and their gradients. */
final class WeightArguments {
  @Option(
      names = "--train-only",
      paramLabel = "PATTERN",
      split = ",",
      description =
          "Train only these weights: names or parts of the model, with * and ?, such as"
              + " up_blocks,*.attentions (default: all).")
  List<String> trainOnly;

  @Option(
      names = "--freeze",
      paramLabel = "PATTERN",
      split = ",",
      description = "Leave these weights unchanged, such as down_blocks,*.norm? (default: none).")
  List<String> freeze;

  @Option(
      names = "--gradient-checkpointing",
      negatable = true,
      fallbackValue = "true",
      description =
          "Compute layers again in the backward pass: the same results with less memory and"
              + " more time.")
  boolean gradientCheckpointing;

  TrainedWeights trained() {
    return new TrainedWeights(given(trainOnly), given(freeze));
  }

  private static List<String> given(List<String> patterns) {
    return patterns == null ? List.of() : patterns;
  }
}
