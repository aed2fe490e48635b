package dev.sfumato.training;

import dev.sfumato.InvalidOptionException;
import dev.sfumato.tensor.Tensor;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Predicate;
import java.util.regex.Pattern;

/**
 * The choice of weights that a run trains; the others do not change by a single bit.
 *
 * <p>A pattern is the name of a weight in the model's file or of a part of the model, with {@code
 * *} for any characters and {@code ?} for one: {@code up_blocks}, {@code *.attentions}, {@code
 * *.bias}, {@code down_blocks.?.resnets}.
 *
 * @param trainOnly patterns of the weights to train; empty for all
 * @param freeze patterns of the weights to leave out of these
 */
public record TrainedWeights(List<String> trainOnly, List<String> freeze) {
  /** Every weight. */
  public static final TrainedWeights ALL = new TrainedWeights(List.of(), List.of());

  private static final String UNET = "unet.";

  /** Copies the lists. */
  public TrainedWeights {
    trainOnly = List.copyOf(trainOnly);
    freeze = List.copyOf(freeze);
  }

  /**
   * Marks each of {@code weights} as requiring gradients or not; {@link Trainer} trains those that
   * do.
   *
   * @param weights the weights by name, from {@code ClassConditionedUNet.parameters}
   * @throws InvalidOptionException if a pattern matches no weight, or no weight is left to train
   */
  public void mark(Map<String, Tensor> weights) {
    requireMatches(weights);
    Predicate<String> trained =
        name ->
            (trainOnly.isEmpty() || trainOnly.stream().anyMatch(p -> fits(p, name)))
                && freeze.stream().noneMatch(p -> fits(p, name));
    if (weights.keySet().stream().noneMatch(trained)) {
      throw new InvalidOptionException("`trainOnly` and `freeze` leave no weight to train");
    }
    weights.forEach(
        (name, weight) -> weight.requiresGrad(weight.requiresGrad() && trained.test(name)));
  }

  private void requireMatches(Map<String, Tensor> weights) {
    for (List<String> patterns : List.of(trainOnly, freeze)) {
      for (String pattern : patterns) {
        if (weights.keySet().stream().noneMatch(name -> fits(pattern, name))) {
          String example = weights.keySet().iterator().next();
          throw new InvalidOptionException(
              String.format(
                  Locale.ROOT,
                  "no weight is named '%s' (`trainOnly`, `freeze`): names look like %s; * stands for"
                      + " any characters",
                  pattern,
                  inFile(example)));
        }
      }
    }
  }

  private static boolean fits(String pattern, String name) {
    String regex =
        Pattern.quote(pattern).replace("*", "\\E.*\\Q").replace("?", "\\E.\\Q") + "(\\..*)?";
    return inFile(name).matches(regex);
  }

  /** Returns the name in the U-Net's file. */
  private static String inFile(String name) {
    return name.startsWith(UNET) ? name.substring(UNET.length()) : name;
  }
}
