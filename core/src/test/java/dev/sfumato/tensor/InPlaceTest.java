package dev.sfumato.tensor;

import static com.google.common.truth.Truth.assertThat;
import static dev.sfumato.tensor.TensorSubject.assertThat;

import java.util.List;
import java.util.Optional;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Outputs of layers can be added to in place, recorded or inside a checkpoint. */
class InPlaceTest {
  private final Scope scope = Scope.open();
  private final Rng random = new Rng(0);
  private final Tensor learned = random.normal(1).requiresGrad(true);

  @AfterEach
  void close() {
    random.close();
    scope.close();
  }

  private Tensor weight(long... shape) {
    return random.normal(shape).mul(0.02);
  }

  /** Compares the gradients of x and of what is added with those of a sum that is not in place. */
  private void assertCanBeAddedTo(UnaryOperator<Tensor> layer, long... shape) {
    for (boolean ofFeatures : new boolean[] {true, false}) {
      Tensor x = random.normal(shape).requiresGrad(ofFeatures);
      Tensor leaf = ofFeatures ? x : learned;
      Tensor wanted = Autograd.gradient(layer.apply(x).add(learned).square().mean(), leaf);
      Tensor recorded = layer.apply(x).add_(learned, 1);
      assertThat(Autograd.gradient(recorded.square().mean(), leaf)).isWithin(1e-6).of(wanted);
      Tensor again =
          GradientCheckpoint.of(
              in -> layer.apply(in.get(0)).add_(in.get(1), 1),
              List.of(x, learned),
              Optional.empty());
      assertThat(Autograd.gradient(again.square().mean(), leaf)).isWithin(1e-6).of(wanted);
      assertThat(wanted.abs().max().item()).isGreaterThan(1e-9);
    }
  }

  @Test
  void linearLayers() {
    Tensor frozen = weight(640, 320);
    Tensor learning = weight(640, 320).requiresGrad(true);
    Tensor half = weight(640, 320).to(DType.FLOAT16);
    for (Tensor weight : List.of(frozen, learning, half)) {
      assertCanBeAddedTo(x -> Functional.linear(x, weight, null), 1, 256, 320);
    }
  }

  @Test
  void gates() {
    assertCanBeAddedTo(Functional::geglu, 1, 256, 2560);
  }

  @Test
  void convolutions() {
    Tensor point = weight(640, 320, 1, 1);
    assertCanBeAddedTo(x -> Functional.conv2d(x, point, null, 1, 0, 1), 1, 320, 16, 16);
    Tensor halfPoint = point.to(DType.BFLOAT16);
    assertCanBeAddedTo(x -> Functional.conv2d(x, halfPoint, null, 1, 0, 1), 2, 320, 16, 16);
    Tensor square = weight(960, 1024, 3, 3);
    assertCanBeAddedTo(x -> Functional.conv2d(x, square, null, 1, 1, 1), 1, 1024, 8, 8);
    Tensor tiled = weight(320, 320, 3, 3);
    assertCanBeAddedTo(x -> Functional.conv2d(x, tiled, null, 1, 1, 1), 1, 320, 32, 32);
  }
}
