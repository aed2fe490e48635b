package dev.sfumato.model;

import static com.google.common.truth.Truth.assertThat;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import com.fasterxml.jackson.databind.JsonNode;
import dev.sfumato.tensor.DType;
import dev.sfumato.tensor.Golden;
import dev.sfumato.tensor.Precision;
import dev.sfumato.tensor.Tensor;
import java.util.Locale;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.params.provider.Arguments;

/** Outputs of U-Nets that diffusers computed in half precision. */
final class HalfGolden {
  private static final Golden GOLDEN = Golden.read("half");

  private HalfGolden() {}

  static Stream<Arguments> texts() {
    return cases("texts");
  }

  static Stream<Arguments> pixels() {
    return cases("pixels");
  }

  private static Stream<Arguments> cases(String kind) {
    return StreamSupport.stream(GOLDEN.document().get(kind).spliterator(), false)
        .map(JsonNode::textValue)
        .flatMap(
            name ->
                Stream.of(Precision.BF16, Precision.FP16)
                    .map(precision -> arguments(name, precision)));
  }

  /**
   * Requires an output of the right type that rounding moved as far as Python's, which is eight
   * times as far in bfloat16 as in float16.
   *
   * @param exact the output in float32
   */
  static void requireRounded(Tensor output, Tensor exact, String name, Precision precision) {
    assertThat(output.dtype()).isEqualTo(precision.type());
    Tensor rounded = output.to(DType.FLOAT32);
    Tensor theirs = GOLDEN.tensor(name + "." + precision.name().toLowerCase(Locale.ROOT));
    double usual = distance(theirs, exact);
    assertThat(distance(rounded, exact)).isWithin(0.4 * usual).of(usual);
    assertThat(distance(rounded, theirs)).isLessThan(1.5 * usual);
  }

  private static double distance(Tensor a, Tensor b) {
    return Math.sqrt(a.sub(b).square().mean().item());
  }
}
