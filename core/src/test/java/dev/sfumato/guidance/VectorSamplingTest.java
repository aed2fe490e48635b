package dev.sfumato.guidance;

import static com.google.common.truth.Truth.assertThat;
import static dev.sfumato.tensor.TensorSubject.assertThat;

import dev.sfumato.model.Condition;
import dev.sfumato.model.Denoiser;
import dev.sfumato.sampling.Sampler;
import dev.sfumato.sampling.Start;
import dev.sfumato.scheduler.Scheduler;
import dev.sfumato.scheduler.SchedulerConfig;
import dev.sfumato.scheduler.SchedulerKind;
import dev.sfumato.tensor.Device;
import dev.sfumato.tensor.Rng;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Models of vectors (B, D), as unCLIP's prior, go through the same loop as pictures. */
class VectorSamplingTest {
  private static final int SIZE = 6;

  /** Predicts the mean of its tokens as noise, scaled: what it is told shows in the result. */
  private static final Denoiser PRIOR =
      new Denoiser() {
        @Override
        public int channels() {
          return SIZE;
        }

        @Override
        public Device device() {
          return Device.CPU;
        }

        @Override
        public void requireSize(long height, long width) {
          throw new AssertionError("vectors have no size");
        }

        @Override
        public Tensor forward(Tensor x, Tensor timesteps, Condition condition) {
          Tensor told = condition.tokens().orElseThrow().mean(false, 1);
          return x.mul(0.5).add(told.mul(0.1)).add(condition.vector().orElseThrow().mul(0.1));
        }
      };

  @ParameterizedTest
  @EnumSource(SchedulerKind.class)
  void everySchedulerSamplesVectors(SchedulerKind kind) {
    try (Scope scope = Scope.open()) {
      Tensor together = sample(kind, 1, 7);
      assertThat(together.shape()).isEqualTo(new long[] {5, SIZE});
      assertThat(together.isFinite()).isTrue();
      assertThat(sample(kind, 1, 2)).isWithin(1e-5).of(together);
      assertThat(sample(kind, 3, 7).sub(together).abs().max().item()).isGreaterThan(1e-3);
    }
  }

  private static Tensor sample(SchedulerKind kind, double scale, int batchSize) {
    Condition given;
    try (Rng random = new Rng(1)) {
      given =
          Condition.NONE.withTokens(random.normal(5, 3, SIZE)).withVector(random.normal(5, SIZE));
    }
    Condition missing =
        Condition.NONE.withTokens(Tensor.zeros(1, 2, SIZE)).withVector(Tensor.zeros(1, SIZE));
    SchedulerConfig config =
        SchedulerConfig.ddpmDefaults()
            .withClassName(kind.className())
            .with("thresholding", kind != SchedulerKind.PNDM)
            .with("skip_prk_steps", true);
    Guide guide = (x0, at) -> x0.square().mean();
    try (Rng random = new Rng(0)) {
      return new Sampler(PRIOR, Scheduler.of(config))
          .withConditioning(
              new Conditioning(
                  given,
                  Optional.of(missing),
                  new ClassifierFreeGuidance(scale, 0, 1, scale == 1 ? 0 : 0.5)))
          .withGuidance(
              Guidance.of(List.of(ScheduledGuide.of("small", guide, 1)), GradientMode.SHORTCUT)
                  .withClamp(GradientClamp.parse("0.1")))
          .withBatchSize(batchSize)
          .sample(Start.noise(5, SIZE), 6, random, Sampler.Listener.NONE);
    }
  }
}
