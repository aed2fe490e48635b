package dev.sfumato.sampling;

import dev.sfumato.guidance.Prediction;
import dev.sfumato.scheduler.Step;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.UnaryOperator;

/**
 * The check that every step gives finite samples: at once on the CPU, and at the end for a card,
 * since no step shall wait for it.
 */
final class FiniteSamples {
  private final UnaryOperator<Tensor> keeper = Scope.keeper();
  private final List<Step> steps = new ArrayList<>();
  private final List<Tensor> sums = new ArrayList<>();

  /**
   * Checks the samples {@code x} after a step.
   *
   * @throws Sampler.NotFinite on the CPU, if one is NaN or infinity
   */
  void check(Tensor x, Prediction prediction, Step step) {
    if (!x.device().isCpu()) {
      steps.add(step);
      sums.add(keeper.apply(x.mul(0).sum())); // 0, or NaN
    } else if (!x.isFinite()) {
      boolean network = !prediction.modelOutput().isFinite();
      throw failure(step, network ? "the network predicts" : "the scheduler's step gives");
    }
  }

  /**
   * Checks what was left for the end.
   *
   * @throws Sampler.NotFinite naming the first step that gave NaN or infinity
   */
  void checkLast() {
    if (sums.isEmpty()) {
      return;
    }
    float[] read;
    try (Scope scope = Scope.open()) {
      read = Tensor.stack(sums, 0).toFloats();
    }
    for (int i = 0; i < read.length; i++) {
      if (read[i] != 0) {
        throw failure(steps.get(i), "the network or the scheduler's step gives");
      }
    }
  }

  private static Sampler.NotFinite failure(Step step, String what) {
    return new Sampler.NotFinite(
        String.format(
            Locale.ROOT,
            "step %d of %d: %s NaN or infinity: the model's weights or settings are damaged, or do"
                + " not fit the scheduler",
            step.index() + 1,
            step.count(),
            what));
  }
}
