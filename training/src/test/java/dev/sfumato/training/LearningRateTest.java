package dev.sfumato.training;

import static com.google.common.truth.Truth.assertThat;
import static com.google.common.truth.Truth.assertWithMessage;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.fasterxml.jackson.databind.JsonNode;
import dev.sfumato.SfumatoException;
import dev.sfumato.tensor.Golden;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Learning rates against diffusers' schedulers and PyTorch's ExponentialLR. */
class LearningRateTest {
  static Stream<JsonNode> sequences() {
    return StreamSupport.stream(
        Golden.read("training").document().get("learning_rates").spliterator(), false);
  }

  @ParameterizedTest
  @MethodSource("sequences")
  void ratesAreThoseOfPython(JsonNode golden) {
    JsonNode shape = golden.get("shape");
    LearningRate rate =
        new LearningRate(
            LearningRate.Kind.parse(golden.get("name").textValue()),
            golden.get("learning_rate").doubleValue(),
            golden.get("warmup_steps").longValue(),
            new LearningRate.Shape(
                shape.path("num_cycles").asInt(1),
                shape.path("power").asDouble(1),
                shape.path("step_rules").asText("")));
    long steps = golden.get("steps").longValue();
    long perEpoch = golden.get("steps_per_epoch").longValue();
    JsonNode values = golden.get("values");
    assertThat(values).hasSize(23);
    for (int step = 0; step < values.size(); step++) {
      assertWithMessage(rate + " at " + step)
          .that(rate.at(step, steps, perEpoch))
          .isWithin(1e-15)
          .of(values.get(step).doubleValue());
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"1:100", "0.1:20,", "1:x,0.1", "-1:10,1", "a"})
  void rulesThatCannotBeReadAreRefused(String rules) {
    SfumatoException e =
        assertThrows(SfumatoException.class, () -> new LearningRate.Shape(1, 1, rules));
    assertThat(e).hasMessageThat().contains("`lrStepRules` '" + rules + "'");
  }

  @Test
  void aCurveOfStepsNeedsRules() {
    SfumatoException e =
        assertThrows(
            SfumatoException.class,
            () -> new LearningRate(LearningRate.Kind.PIECEWISE_CONSTANT, 1, 0));
    assertThat(e).hasMessageThat().contains("needs `lrStepRules`");
  }

  @Test
  void anUnknownNameIsRefused() {
    SfumatoException e =
        assertThrows(SfumatoException.class, () -> LearningRate.Kind.parse("sawtooth"));
    assertThat(e).hasMessageThat().contains("sawtooth");
    assertThat(e).hasMessageThat().contains("cosine_with_restarts");
  }
}
