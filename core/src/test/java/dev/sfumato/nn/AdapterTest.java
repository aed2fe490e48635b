package dev.sfumato.nn;

import static com.google.common.truth.Truth.assertThat;
import static dev.sfumato.tensor.TensorSubject.assertThat;

import dev.sfumato.tensor.Autograd;
import dev.sfumato.tensor.Functional;
import dev.sfumato.tensor.Moves;
import dev.sfumato.tensor.Rng;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.StandInCard;
import dev.sfumato.tensor.Tensor;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** An adapter beside a weight, against its formula, and its gradients. */
class AdapterTest {
  private final Rng random = new Rng(1);

  @Test
  void theLayerComputesWithTheSum() {
    try (Scope scope = Scope.open();
        Linear layer = new Linear(5, 4)) {
      layer.reset(random);
      Tensor x = random.normal(3, 5);
      Tensor plain = layer.forward(x);
      Tensor up = random.normal(4, 2);
      Tensor down = random.normal(2, 5);
      Adapter adapter = weight(layer).whole().adapt(up, down, 1.5, 0.5);
      Tensor beside = Functional.linear(Functional.linear(x, down, null), up, null);
      assertThat(layer.forward(x)).isWithin(1e-5).of(plain.add(beside.mul(0.75)));
      adapter.scale(-1);
      assertThat(layer.forward(x)).isWithin(1e-5).of(plain.sub(beside.mul(1.5)));
      Tensor merged = plain.sub(beside.mul(1.5));
      adapter.merge();
      assertThat(layer.forward(x)).isWithin(1e-5).of(merged);
    }
  }

  @ParameterizedTest
  @CsvSource({"0,3,false", "1,3,false", "2,3,false", "0,1,true"})
  void gradientsReachItsMatrices(int index, int count, boolean transposed) {
    try (Scope scope = Scope.open();
        Linear layer = new Linear(6, 6, false)) {
      layer.reset(random);
      AdaptedWeight.Part part = new AdaptedWeight.Part(weight(layer), index, count, transposed);
      Tensor up = random.normal(part.out(), 2).requiresGrad(true);
      Tensor down = random.normal(2, part.in()).requiresGrad(true);
      part.adapt(up, down, 1, 0.5);
      Tensor toOutputs = random.normal(6, 6);
      // The loss is <G, W + 0.5 change>, so the gradient of "up" is 0.5 G down^T.
      List<Tensor> gradients =
          Autograd.gradients(
              layer.forward(identity()).transpose(0, 1).mul(toOutputs).sum(), List.of(up, down));
      Tensor own =
          transposed
              ? toOutputs.transpose(0, 1)
              : toOutputs.narrow(0, index * part.out(), part.out());
      assertThat(gradients.get(0))
          .isWithin(1e-5)
          .of(Functional.matmul(own, down.transpose(0, 1)).mul(0.5));
      assertThat(gradients.get(1))
          .isWithin(1e-5)
          .of(Functional.matmul(up.transpose(0, 1), own).mul(0.5));
    }
  }

  /** As a frozen LoRA of a text encoder does beside a word that learns. */
  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2})
  void aPartOfAWeightSendsNothingToACard(int index) {
    try (Scope scope = Scope.open();
        Linear layer = new Linear(6, 6, false)) {
      StandInCard.place(layer);
      AdaptedWeight.Part part = new AdaptedWeight.Part(weight(layer), index, 3, false);
      part.adapt(
          Tensor.zeros(StandInCard.DEVICE, 2, 2), Tensor.zeros(StandInCard.DEVICE, 2, 6), 1, 0.5);
      Tensor x = Tensor.zeros(StandInCard.DEVICE, 3, 6);
      long sent = Moves.sent();
      assertThat(layer.forward(x).device()).isEqualTo(StandInCard.DEVICE);
      assertThat(Moves.sent()).isEqualTo(sent);
    }
  }

  @Test
  void aLargeConvolutionThatIsComputedAgainHasTheSameGradients() {
    try (Scope scope = Scope.open();
        Conv2d layer = new Conv2d(2, 3, 3, 1, 1)) {
      layer.reset(random);
      layer.parameters().values().forEach(parameter -> parameter.requiresGrad(false));
      AdaptedWeight.Part part = weight(layer).whole();
      Tensor up = random.normal(part.out(), 2).requiresGrad(true);
      Tensor down = random.normal(2, part.in()).requiresGrad(true);
      part.adapt(up, down, 1, 0.5);
      Tensor x = random.normal(1, 2, 2048, 2048); // as large as what is computed again
      Tensor weights = random.normal(1, 3, 2048, 2048).mul(1e-3);
      layer.forward(Functional.silu(x)).mul(weights).sum().backward();
      Tensor plainUp = taken(up);
      Tensor plainDown = taken(down);
      layer.forwardOf(Functional::silu, x).mul(weights).sum().backward();
      assertThat(taken(up)).isWithin(1e-4).relativeToScale().of(plainUp);
      assertThat(taken(down)).isWithin(1e-4).relativeToScale().of(plainDown);
    }
  }

  private static Tensor taken(Tensor leaf) {
    Tensor gradient = Autograd.gathered(leaf).orElseThrow().copy();
    Autograd.forget(leaf);
    return gradient;
  }

  private static AdaptedWeight weight(Module layer) {
    return layer.adaptedWeights().get("weight");
  }

  private static Tensor identity() {
    float[] ones = new float[36];
    for (int i = 0; i < 6; i++) {
      ones[7 * i] = 1;
    }
    return Tensor.of(ones, 6, 6);
  }
}
