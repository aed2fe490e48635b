package dev.sfumato.guidance;

import static com.google.common.truth.Truth.assertThat;

import dev.sfumato.model.Condition;
import dev.sfumato.model.Denoiser;
import dev.sfumato.sampling.Sampler;
import dev.sfumato.sampling.Start;
import dev.sfumato.scheduler.PredictionType;
import dev.sfumato.scheduler.Scheduler;
import dev.sfumato.scheduler.SchedulerConfig;
import dev.sfumato.scheduler.SchedulerKind;
import dev.sfumato.tensor.Device;
import dev.sfumato.tensor.Rng;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Guides with each scheduler, and a model that predicts v. */
class GuidedSchedulersTest {
  private static final Denoiser MODEL =
      new Denoiser() {
        @Override
        public int channels() {
          return 3;
        }

        @Override
        public Device device() {
          return Device.CPU;
        }

        @Override
        public void requireSize(long height, long width) {}

        @Override
        public Tensor forward(Tensor x, Tensor timesteps, Condition condition) {
          return x.mul(0.1);
        }
      };

  @ParameterizedTest
  @EnumSource(SchedulerKind.class)
  void aGuideThatActsMoreOftenPullsNoLess(SchedulerKind kind) {
    try (Scope scope = Scope.open()) {
      double often = brightness(kind, 20, 1);
      double seldom = brightness(kind, 20, 2);
      assertThat(seldom).isGreaterThan(brightness(kind, 0, 1));
      assertThat(often).isAtLeast(seldom);
    }
  }

  private static double brightness(SchedulerKind kind, double scale, int every) {
    SchedulerConfig config =
        SchedulerConfig.ddpmDefaults()
            .withClassName(kind.className())
            .withPredictionType(PredictionType.V_PREDICTION)
            .with("clip_sample", false);
    GuideWeight weight = new GuideWeight(scale, GuideSchedule.CONSTANT, 0, 1, every);
    ScheduledGuide bright = new ScheduledGuide("bright", (x0, at) -> x0.mean().neg(), weight);
    try (Rng random = new Rng(0)) {
      return new Sampler(MODEL, Scheduler.of(config))
          .withGuidance(Guidance.of(List.of(bright), GradientMode.SHORTCUT))
          .sample(Start.noise(1, 3, 4, 4), 10, random, Sampler.Listener.NONE)
          .mean()
          .item();
    }
  }
}
