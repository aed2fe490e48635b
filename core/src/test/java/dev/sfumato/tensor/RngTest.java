package dev.sfumato.tensor;

import static dev.sfumato.tensor.TensorSubject.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.fasterxml.jackson.databind.JsonNode;
import com.google.common.truth.Truth;
import dev.sfumato.SfumatoException;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** The generator against streams that {@code torch.Generator} drew. */
class RngTest {
  private static final Golden GOLDEN = Golden.read("rng");

  private static Stream<JsonNode> streams() {
    return StreamSupport.stream(GOLDEN.document().get("streams").spliterator(), false);
  }

  @TestFactory
  Stream<DynamicTest> drawsTheSameBits() {
    return streams()
        .map(
            stream ->
                DynamicTest.dynamicTest(
                    stream.get("name").textValue(), () -> checkFrom(stream, 0, false)));
  }

  @TestFactory
  Stream<DynamicTest> goesOnFromASavedState() {
    return streams()
        .filter(stream -> stream.get("name").textValue().startsWith("state."))
        .flatMap(
            stream ->
                Stream.of(1, 4, 7)
                    .map(
                        saved ->
                            DynamicTest.dynamicTest(
                                stream.get("name").textValue() + " from " + saved,
                                () -> checkFrom(stream, saved, true))));
  }

  /** Draws from number {@code first} on, which holds the state to start from if {@code restore}. */
  private static void checkFrom(JsonNode stream, int first, boolean restore) {
    String name = stream.get("name").textValue();
    JsonNode draws = stream.get("draws");
    try (Scope scope = Scope.open();
        Rng rng = new Rng(restore ? 999 : stream.get("seed").longValue())) {
      if (restore) {
        rng.state(GOLDEN.tensor(name + "." + first));
      }
      for (int i = first; i < draws.size(); i++) {
        assertThat(draw(rng, draws.get(i))).isIdenticalTo(GOLDEN.tensor(name + "." + i));
      }
    }
  }

  private static Tensor draw(Rng rng, JsonNode draw) {
    long[] shape =
        StreamSupport.stream(draw.path("shape").spliterator(), false)
            .mapToLong(JsonNode::longValue)
            .toArray();
    return switch (draw.get("op").textValue()) {
      case "randn" -> rng.normal(shape);
      case "rand" -> rng.uniform(shape);
      case "randint" ->
          rng.integers(draw.get("low").longValue(), draw.get("high").longValue(), shape);
      case "randperm" -> rng.permutation(draw.get("n").longValue());
      case "save" -> rng.state();
      default -> throw new AssertionError(draw);
    };
  }

  @Test
  void aStateThatIsNoneIsRefusedInOneLine() {
    try (Scope scope = Scope.open();
        Rng rng = new Rng(0)) {
      Tensor tooShort = Tensor.of(new byte[10], 10);
      SfumatoException e = assertThrows(SfumatoException.class, () -> rng.state(tooShort));
      Truth.assertThat(e.getMessage()).doesNotContain("\n");
    }
  }

  @Test
  void generatorsDoNotShareTheirStreams() {
    try (Scope scope = Scope.open();
        Rng one = new Rng(5);
        Rng other = new Rng(5)) {
      one.normal(100);
      assertThat(other.normal(3)).isIdenticalTo(new Rng(5).normal(3));
      Truth.assertThat(one.normal(3).toFloats()).isNotEqualTo(new Rng(5).normal(3).toFloats());
    }
  }

  @Test
  void aCardDrawsFromASeedAndIsSentNothing() {
    try (Scope scope = Scope.open();
        Rng one = new Rng(5);
        Rng other = new Rng(5)) {
      long moves = Moves.sent() + Moves.read();
      Tensor drawn = one.uniform(StandInCard.DEVICE, 4, 3);
      Truth.assertThat(drawn.device()).isEqualTo(StandInCard.DEVICE);
      Truth.assertThat(drawn.shape()).isEqualTo(new long[] {4, 3});
      Truth.assertThat(Moves.sent() + Moves.read()).isEqualTo(moves);
      other.integers(0, Long.MAX_VALUE, 1);
      assertThat(one.uniform(3)).isIdenticalTo(other.uniform(3));
    }
  }
}
