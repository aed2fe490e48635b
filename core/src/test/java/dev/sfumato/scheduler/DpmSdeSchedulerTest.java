package dev.sfumato.scheduler;

import static dev.sfumato.tensor.TensorSubject.assertThat;

import dev.sfumato.tensor.Rng;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.util.Map;
import org.junit.jupiter.api.Test;

class DpmSdeSchedulerTest {
  /** diffusers' step_index names the end of the step after the first half, not the middle. */
  @Test
  void whatAMaskKeepsGetsTheNoiseOfTheStepsEndAfterTheFirstHalf() {
    SchedulerConfig config =
        SchedulerConfig.of(
            Map.of(
                "_class_name", "DPMSolverSDEScheduler",
                "beta_schedule", "scaled_linear",
                "noise_sampler_seed", 5));
    try (Scope scope = Scope.open();
        Rng rng = new Rng(1)) {
      Run run = Scheduler.of(config).begin(3, RunOptions.defaults(), rng);
      Tensor zero = Tensor.zeros(1, 1, 1, 1);
      Tensor one = Tensor.full(1, 1, 1, 1, 1);
      for (Step step : run) {
        if (step.index() % 2 == 1) {
          Step end = run.following(step).orElseThrow();
          assertThat(run.addNoise(zero, one, step)).isIdenticalTo(run.addNoise(zero, one, end));
        }
      }
    }
  }
}
