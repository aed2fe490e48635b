package dev.sfumato.sampling;

import dev.sfumato.guidance.Prediction;
import dev.sfumato.scheduler.Step;
import dev.sfumato.tensor.Precision;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.UnaryOperator;

/**
 * Checks that the samples of each step are finite, and that no guide went wrong. On the CPU it does
 * so at once. On a card it does so after the last step, so that no step waits for the card.
 */
final class StepChecks {
  private static final System.Logger log = System.getLogger(StepChecks.class.getName());

  private final Precision precision;
  private final UnaryOperator<Tensor> keeper = Scope.keeper();
  private final List<Step> steps = new ArrayList<>();
  private final List<Tensor> sums = new ArrayList<>();
  private final List<Prediction> predictions = new ArrayList<>();

  /** Makes checks of a network that computes in {@code precision}. */
  StepChecks(Precision precision) {
    this.precision = precision;
  }

  /**
   * Checks a step and the samples {@code x} after it. What went wrong with guides is logged.
   *
   * @throws Sampler.NotFinite on the CPU, if one is NaN or infinity
   */
  void check(Tensor x, Prediction prediction, Step step) {
    if (!x.device().isCpu()) {
      steps.add(step);
      sums.add(keeper.apply(x.mul(0).sum())); // 0, or NaN
      predictions.add(prediction.kept(keeper));
      return;
    }
    warn(prediction);
    if (!x.isFinite()) {
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
    predictions.forEach(StepChecks::warn);
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

  private static void warn(Prediction prediction) {
    prediction.warning().ifPresent(line -> log.log(System.Logger.Level.WARNING, line));
  }

  private Sampler.NotFinite failure(Step step, String what) {
    return new Sampler.NotFinite(
        String.format(
            Locale.ROOT,
            "step %d of %d: %s NaN or infinity: %s",
            step.index() + 1,
            step.count(),
            what,
            precision == Precision.FP16
                ? "its numbers are too large for fp16, or damaged: use `precision` bf16 or fp32"
                : "the model's weights or settings are damaged, or do not fit the scheduler"));
  }
}
