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

class DdpmSchedulerTest {
  private static final SchedulerConfig DEFAULTS = SchedulerConfig.ddpmDefaults();

  @Test
  void drawsOnceForTheWholeBatchAtEachStepButTheLast() {
    try (Scope scope = Scope.open();
        Rng rng = new Rng(5);
        Rng twin = new Rng(5)) {
      Run run = Scheduler.of(DEFAULTS).begin(4, RunOptions.defaults(), rng);
      Tensor x = Tensor.zeros(2, 3, 5, 5);
      for (Step step : run) {
        x = run.step(x, x, step);
        if (step.timestep() > 0) {
          twin.normal(2, 3, 5, 5);
        }
        assertThat(rng.state()).isIdenticalTo(twin.state());
      }
    }
  }

  @Test
  void theLogarithmOfALargeVarianceGivesItsRoot() {
    try (Scope scope = Scope.open()) {
      assertThat(lastSample("fixed_large_log")).isIdenticalTo(lastSample("fixed_large"));
    }
  }

  private static Tensor lastSample(String varianceType) {
    try (Rng rng = new Rng(5)) {
      Run run =
          Scheduler.of(DEFAULTS.with("variance_type", varianceType))
              .begin(4, RunOptions.defaults(), rng);
      Tensor x = Tensor.zeros(2, 3, 5, 5);
      for (Step step : run) {
        x = run.step(x, x, step);
      }
      return x;
    }
  }

  @Test
  void ownTimestepsAreVisited() {
    List<Integer> own = List.of(900, 500, 3);
    try (Rng rng = new Rng(5)) {
      Run run = Scheduler.of(DEFAULTS).begin(3, RunOptions.defaults().withTimesteps(own), rng);
      for (Step step : run) {
        assertThat((int) step.timestep()).isEqualTo(own.get(step.index()));
      }
    }
  }

  @Test
  void ownTimestepsThatDoNotFitAreRefused() {
    for (List<Integer> own :
        List.of(List.of(1, 2, 3), List.of(9, 9, 3), List.of(1000, 2, 1), List.of(5, 4, -1))) {
      assertRefused("out of place", own);
    }
    assertRefused("2 timesteps are given for 3", List.of(4, 3));
  }

  private static void assertRefused(String part, List<Integer> own) {
    Scheduler scheduler = Scheduler.of(DEFAULTS);
    RunOptions options = RunOptions.defaults().withTimesteps(own);
    try (Rng rng = new Rng(5)) {
      SfumatoException e =
          assertThrows(SfumatoException.class, () -> scheduler.begin(3, options, rng));
      assertThat(e).hasMessageThat().contains(part);
    }
  }

  @Test
  void aLearnedVarianceNeedsItsChannels() {
    Scheduler scheduler = Scheduler.of(DEFAULTS.with("variance_type", "learned_range"));
    try (Scope scope = Scope.open();
        Rng rng = new Rng(5)) {
      Run run = scheduler.begin(3, RunOptions.defaults(), rng);
      Tensor x = Tensor.zeros(2, 3, 4, 4);
      Step first = run.iterator().next();
      SfumatoException e = assertThrows(SfumatoException.class, () -> run.step(x, x, first));
      assertThat(e).hasMessageThat().contains("twice as many channels");
    }
  }
}
