package dev.sfumato.scheduler;

import static com.google.common.truth.Truth.assertThat;
import static dev.sfumato.tensor.TensorSubject.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.sfumato.SfumatoException;
import dev.sfumato.tensor.Rng;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.util.List;
import org.junit.jupiter.api.Test;

class DdimSchedulerTest {
  private static final SchedulerConfig DEFAULTS =
      SchedulerConfig.ddpmDefaults().withClassName("ddim");

  @Test
  void drawsNothingUnlessEtaIsAboveZero() {
    try (Scope scope = Scope.open();
        Rng rng = new Rng(5);
        Rng twin = new Rng(5)) {
      Tensor x = Tensor.zeros(2, 3, 5, 5);
      Run silent = Scheduler.of(DEFAULTS).begin(4, RunOptions.defaults(), rng);
      for (Step step : silent) {
        silent.step(x, x, step);
      }
      assertThat(rng.state()).isIdenticalTo(twin.state());
      Run noisy = Scheduler.of(DEFAULTS).begin(4, RunOptions.defaults().withEta(0.1), rng);
      for (Step step : noisy) {
        noisy.step(x, x, step);
        twin.normal(2, 3, 5, 5);
        assertThat(rng.state()).isIdenticalTo(twin.state());
      }
    }
  }

  /** diffusers takes the root of a number just below 0 here, and gives no number. */
  @Test
  void staysFiniteFromPureNoiseWithFullEta() {
    SchedulerConfig zeroSnr =
        DEFAULTS
            .with("rescale_betas_zero_snr", true)
            .with("timestep_spacing", "trailing")
            .withPredictionType(PredictionType.V_PREDICTION);
    try (Scope scope = Scope.open();
        Rng rng = new Rng(5)) {
      for (int steps = 1; steps <= 100; steps++) {
        Run run = Scheduler.of(zeroSnr).begin(steps, RunOptions.defaults().withEta(1), rng);
        Tensor x = rng.normal(1, 1, 2, 2);
        assertThat(run.step(x.mul(0.5), x, run.iterator().next()).isFinite()).isTrue();
      }
    }
  }

  @Test
  void theVarianceThatAModelLearnedForDdpmIsPassedOver() {
    Scheduler scheduler = Scheduler.of(DEFAULTS.with("variance_type", "learned_range"));
    try (Scope scope = Scope.open();
        Rng rng = new Rng(5)) {
      Run run = scheduler.begin(4, RunOptions.defaults(), rng);
      Tensor x = rng.normal(2, 3, 4, 4);
      Tensor epsilon = rng.normal(2, 3, 4, 4);
      Tensor both = Tensor.cat(List.of(epsilon, rng.normal(2, 3, 4, 4)), 1);
      for (Step step : run) {
        assertThat(run.step(both, x, step)).isIdenticalTo(run.step(epsilon, x, step));
      }
    }
  }

  @Test
  void ownTimestepsAreRefused() {
    RunOptions options = RunOptions.defaults().withTimesteps(List.of(5, 3));
    try (Rng rng = new Rng(5)) {
      assertThrows(SfumatoException.class, () -> Scheduler.of(DEFAULTS).begin(2, options, rng));
    }
  }
}
