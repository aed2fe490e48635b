package dev.sfumato.scheduler;

import static com.google.common.truth.Truth.assertThat;
import static dev.sfumato.tensor.TensorSubject.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.fasterxml.jackson.databind.JsonNode;
import dev.sfumato.SfumatoException;
import dev.sfumato.tensor.DType;
import dev.sfumato.tensor.Golden;
import dev.sfumato.tensor.Rng;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.util.List;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Named;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

class NoiseScheduleTest {
  private static final Golden GOLDEN = Golden.read("schedulers");
  private static final SchedulerConfig DEFAULTS = SchedulerConfig.ddpmDefaults();

  static Stream<Named<JsonNode>> schedules() {
    return StreamSupport.stream(GOLDEN.document().get("schedules").spliterator(), false)
        .map(c -> Named.of(c.get("name").asText(), c));
  }

  @ParameterizedTest
  @MethodSource("schedules")
  void equalsDiffusersAtEveryTimestep(JsonNode c) {
    String key = "schedule." + c.get("name").asText();
    NoiseSchedule schedule = NoiseSchedule.of(SchedulerGoldenTest.config(c));
    try (Scope scope = Scope.open()) {
      Tensor betas = Tensor.of(schedule.betas(), schedule.length());
      Tensor alphasCumprod = Tensor.of(schedule.alphasCumprod(), schedule.length());
      // Rescaling takes roots, which in PyTorch's wheel are not always the nearest float.
      boolean rescaled = key.contains("zero_snr");
      assertThat(betas).isWithin(rescaled ? 5e-6 : 1e-8).of(GOLDEN.tensor(key + ".betas"));
      assertThat(alphasCumprod).isWithin(1e-6).of(GOLDEN.tensor(key + ".alphas_cumprod"));
      List<Integer> t = SchedulerGoldenTest.integers(c.get("timesteps"));
      Tensor timesteps = timesteps(t.stream().mapToLong(i -> i).toArray());
      Tensor sample = GOLDEN.tensor(key + ".sample");
      Tensor noise = GOLDEN.tensor(key + ".noise");
      assertThat(schedule.addNoise(sample, noise, timesteps))
          .isWithin(rescaled ? 5e-5 : 1e-6)
          .of(GOLDEN.tensor(key + ".noisy"));
      assertThat(schedule.velocity(sample, noise, timesteps))
          .isWithin(rescaled ? 5e-5 : 1e-6)
          .of(GOLDEN.tensor(key + ".velocity"));
    }
  }

  @ParameterizedTest
  @EnumSource
  void fallsFromAlmostCleanToAlmostNoise(BetaSchedule kind) {
    float[] alphas = NoiseSchedule.of(DEFAULTS.withBetaSchedule(kind)).alphasCumprod();
    assertThat(alphas).hasLength(1000);
    assertThat(alphas[0]).isGreaterThan(0.97f);
    assertThat(alphas[999]).isLessThan(0.05f);
    for (int t = 1; t < alphas.length; t++) {
      assertThat(alphas[t]).isLessThan(alphas[t - 1]);
    }
  }

  @Test
  void withZeroTerminalSnrTheLastTimestepIsTheNoiseItself() {
    NoiseSchedule schedule = NoiseSchedule.of(DEFAULTS.with("rescale_betas_zero_snr", true));
    try (Scope scope = Scope.open();
        Rng rng = new Rng(1)) {
      Tensor x0 = rng.normal(2, 3, 4, 4);
      Tensor noise = rng.normal(2, 3, 4, 4);
      Tensor last = Tensor.of(new long[] {999, 999}, 2);
      assertThat(schedule.addNoise(x0, noise, last)).isIdenticalTo(noise);
      assertThat(schedule.velocity(x0, noise, last)).isIdenticalTo(x0.neg());
    }
  }

  @Test
  void keepsTheTypeOfThePictures() {
    try (Scope scope = Scope.open()) {
      Tensor x0 = Tensor.zeros(2, 1, 4, 4).to(DType.BFLOAT16);
      Tensor noisy = NoiseSchedule.of(DEFAULTS).addNoise(x0, x0, Tensor.of(new long[] {0, 999}, 2));
      assertThat(noisy.dtype()).isEqualTo(DType.BFLOAT16);
    }
  }

  @Test
  void whatDoesNotFitIsRefused() {
    NoiseSchedule schedule = NoiseSchedule.of(DEFAULTS);
    try (Scope scope = Scope.open()) {
      Tensor x0 = Tensor.zeros(2, 1, 4, 4);
      assertRefused("timestep 1000", () -> schedule.addNoise(x0, x0, timesteps(0, 1000)));
      assertRefused("timestep -1", () -> schedule.velocity(x0, x0, timesteps(-1, 0)));
      assertRefused("3 timesteps", () -> schedule.addNoise(x0, x0, timesteps(1, 2, 3)));
      Tensor small = Tensor.zeros(2, 1, 2, 2);
      assertRefused("[2, 1, 2, 2]", () -> schedule.addNoise(x0, small, timesteps(1, 2)));
    }
  }

  @Test
  void leavesNoTensorBehind() {
    NoiseSchedule schedule = NoiseSchedule.of(DEFAULTS);
    long before = Scope.liveTensors();
    try (Tensor x0 = Tensor.zeros(2, 1, 4, 4);
        Tensor t = timesteps(1, 2);
        Tensor noisy = schedule.addNoise(x0, x0, t)) {
      assertThat(Scope.liveTensors() - before).isEqualTo(3);
    }
  }

  private static Tensor timesteps(long... values) {
    return Tensor.of(values, values.length);
  }

  private static void assertRefused(String part, Runnable call) {
    assertThat(assertThrows(SfumatoException.class, call::run)).hasMessageThat().contains(part);
  }
}
