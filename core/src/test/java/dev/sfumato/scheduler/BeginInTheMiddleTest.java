package dev.sfumato.scheduler;

import static com.google.common.truth.Truth.assertThat;
import static dev.sfumato.tensor.TensorSubject.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.fasterxml.jackson.databind.JsonNode;
import dev.sfumato.SfumatoException;
import dev.sfumato.tensor.Golden;
import dev.sfumato.tensor.Rng;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Named;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Runs that begin in the middle, against diffusers' img2img. */
class BeginInTheMiddleTest {
  private static final Golden GOLDEN = Golden.read("img2img");

  static Stream<Named<JsonNode>> cases() {
    return StreamSupport.stream(GOLDEN.document().get("cases").spliterator(), false)
        .map(c -> Named.of(c.get("name").asText(), c));
  }

  @ParameterizedTest
  @MethodSource("cases")
  void samplesAreThoseOfDiffusers(JsonNode c) {
    SchedulerConfig config =
        SchedulerGoldenTest.config(c).withClassName(c.at("/config/_class_name").asText());
    Tensor expected = GOLDEN.tensor(c.get("name").asText());
    try (Scope scope = Scope.open();
        Rng rng = new Rng(c.get("seed").asLong())) {
      Tensor x0 = rng.normal(2, 3, 2, 2);
      Tensor noise = rng.normal(2, 3, 2, 2);
      Run run =
          Scheduler.of(config)
              .begin(
                  c.get("steps").asInt(), c.get("strength").asDouble(), RunOptions.defaults(), rng);
      Tensor x = run.addNoise(x0, noise, run.iterator().next());
      assertThat(x).isWithin(5e-5).relativeToScale().of(expected.select(0, 0));
      int taken = 0;
      for (Step step : run) {
        assertThat(step.timestep()).isWithin(1e-3).of(c.get("timesteps").get(taken).asDouble());
        Tensor output = run.scaleModelInput(x, step).mul(0.8).add((float) step.timestep() / 2000);
        x = run.step(output, x, step);
        taken++;
        assertThat(x).isWithin(5e-5).relativeToScale().of(expected.select(0, taken));
      }
      assertThat(taken).isEqualTo(c.get("timesteps").size());
    }
  }

  @ParameterizedTest
  @EnumSource(SchedulerKind.class)
  void inputScaleIsThatOfScaleModelInput(SchedulerKind kind) {
    try (Scope scope = Scope.open();
        Rng rng = new Rng(0)) {
      Run run = scheduler(kind).begin(8, 0.5, RunOptions.defaults(), rng);
      for (Step step : run) {
        double scaled = run.scaleModelInput(Tensor.full(1, 1, 1), step).item();
        assertThat(run.inputScale(step)).isWithin(1e-6).of(scaled);
      }
    }
  }

  @ParameterizedTest
  @EnumSource(SchedulerKind.class)
  void theNextLevelIsThatOfTheNextStep(SchedulerKind kind) {
    try (Scope scope = Scope.open();
        Rng rng = new Rng(0)) {
      Run run = scheduler(kind).begin(8, RunOptions.defaults(), rng);
      double promised = Double.NaN;
      for (Step step : run) {
        if (step.index() > 0) {
          assertThat(run.alphaCumprod(step)).isEqualTo(promised);
        }
        promised = run.nextAlphaCumprod(step);
      }
      assertThat(promised).isEqualTo(1);
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "0    | strength must be above 0 and at most 1, not 0.0",
        "1.5  | strength must be above 0 and at most 1, not 1.5",
        "NaN  | strength must be above 0 and at most 1, not NaN",
        "0.05 | a strength of 0.05 leaves none of 8 steps: raise one of them",
      })
  void refusesAStrengthThatLeavesNothing(double strength, String message) {
    try (Scope scope = Scope.open();
        Rng rng = new Rng(0)) {
      SfumatoException e =
          assertThrows(
              SfumatoException.class,
              () -> scheduler(SchedulerKind.DDIM).begin(8, strength, RunOptions.defaults(), rng));
      assertThat(e).hasMessageThat().isEqualTo(message);
    }
  }

  @Test
  void rungeKuttaDoesNotBeginInTheMiddle() {
    try (Scope scope = Scope.open();
        Rng rng = new Rng(0)) {
      Scheduler pndm =
          Scheduler.of(
              SchedulerConfig.ddpmDefaults().withClassName("pndm").with("skip_prk_steps", false));
      SfumatoException e =
          assertThrows(
              SfumatoException.class, () -> pndm.begin(8, 0.5, RunOptions.defaults(), rng));
      assertThat(e).hasMessageThat().contains("skip_prk_steps");
    }
  }

  private static Scheduler scheduler(SchedulerKind kind) {
    return Scheduler.of(
        SchedulerConfig.ddpmDefaults()
            .withClassName(kind.className())
            .with("skip_prk_steps", true));
  }
}
