package dev.sfumato.training;

import static com.google.common.truth.Truth.assertThat;

import dev.sfumato.scheduler.NoiseSchedule;
import dev.sfumato.scheduler.PredictionType;
import dev.sfumato.scheduler.SchedulerConfig;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class ObjectiveTest {
  /** A signal-to-noise ratio of exactly 0 once made 0 / 0 of the weight. */
  @ParameterizedTest
  @EnumSource(PredictionType.class)
  void minSnrIsFiniteForPureNoise(PredictionType type) {
    NoiseSchedule schedule =
        NoiseSchedule.of(SchedulerConfig.ddpmDefaults().with("rescale_betas_zero_snr", true));
    assertThat(schedule.alphaCumprod(999)).isEqualTo(0f);
    try (Scope scope = Scope.open()) {
      Tensor ones = Tensor.full(1, 2, 1, 4, 4);
      Tensor zeros = Tensor.zeros(2, 1, 4, 4);
      Tensor timesteps = Tensor.of(new long[] {999, 0}, 2);
      double loss =
          new Objective(type, Objective.Weighting.MIN_SNR, 0)
              .loss(ones, zeros, zeros, timesteps, schedule)
              .item();
      assertThat(loss).isFinite();
      assertThat(loss).isAtLeast(0);
    }
  }
}
