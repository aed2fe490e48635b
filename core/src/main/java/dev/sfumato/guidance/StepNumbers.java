package dev.sfumato.guidance;

import dev.sfumato.scheduler.Step;
import dev.sfumato.tensor.DType;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.UnaryOperator;

/** The numbers of a steered step. They are read together, when one of them is asked for. */
final class StepNumbers {
  /** A standard deviation that noisy pictures never reach without guides, since theirs is 1. */
  private static final double BLOWN_UP = 10;

  // The places after the losses.
  private static final int NORM = 0;
  private static final int GRADIENT = 1;
  private static final int BEFORE = 2;
  private static final int AFTER = 3;
  private static final int DESCENTS = 4;

  private final Step step;
  private final List<String> guides;
  private final Tensor numbers;
  private float[] read;

  /**
   * Collects numbers of one element each.
   *
   * @param losses by guide
   * @param gradient the gradient of the weighted sum of the losses
   * @param before the largest element of the noisy pictures before the guides moved them
   * @param after the same after it
   * @param descents for each step of the descent on predictedX0, the {@link #zero} of its gradient
   */
  StepNumbers(
      Step step,
      Map<String, Tensor> losses,
      Tensor gradient,
      Tensor before,
      Tensor after,
      List<Tensor> descents) {
    this.step = step;
    guides = List.copyOf(losses.keySet());
    numbers =
        Scope.run(
            () -> {
              List<Tensor> all = new ArrayList<>(losses.values());
              Collections.addAll(all, gradient.norm(), zero(gradient), before, after);
              all.addAll(descents);
              return Tensor.stack(all.stream().map(n -> n.to(DType.FLOAT32).reshape()).toList(), 0);
            });
  }

  /** Returns 0, or NaN if an element of {@code gradient} is not finite. */
  static Tensor zero(Tensor gradient) {
    return gradient.mul(0).sum();
  }

  /** Returns {@code gradient}, or 0 if one of its elements is not finite. */
  static Tensor finite(Tensor gradient) {
    return gradient.filled(zero(gradient).isNaN(), 0);
  }

  void keep(UnaryOperator<Tensor> keeper) {
    if (read == null) {
      keeper.apply(numbers);
    }
  }

  Map<String, Double> losses() {
    Map<String, Double> losses = new LinkedHashMap<>();
    for (int i = 0; i < guides.size(); i++) {
      losses.put(guides.get(i), (double) read()[i]);
    }
    return losses;
  }

  double gradientNorm() {
    return number(NORM);
  }

  Optional<String> warning() {
    if (isNaN(GRADIENT)) {
      return notANumber("the step goes unguided");
    }
    for (int i = DESCENTS; i < read().length - guides.size(); i++) {
      if (isNaN(i)) {
        return notANumber("the mean is not moved");
      }
    }
    return !(number(AFTER) <= BLOWN_UP) && number(BEFORE) <= BLOWN_UP
        ? Optional.of(
            String.format(
                Locale.ROOT,
                "step %s: the guides make the pictures blow up, to %.4g standard deviations: lower"
                    + " the scale or clamp the gradient",
                place(),
                number(AFTER)))
        : Optional.empty();
  }

  private Optional<String> notANumber(String consequence) {
    return Optional.of(
        "step " + place() + ": the guides' gradient is not a number; " + consequence);
  }

  private String place() {
    return (step.index() + 1) + " of " + step.count();
  }

  private boolean isNaN(int place) {
    return Double.isNaN(number(place));
  }

  private double number(int place) {
    return read()[guides.size() + place];
  }

  private float[] read() {
    if (read == null) {
      read = numbers.toFloats();
    }
    return read;
  }
}
