package dev.sfumato.tensor;

import static dev.sfumato.tensor.TensorSubject.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Convolutions of doubled features must equal those of features whose pixels are repeated. */
class DoublingConvTest {
  @ParameterizedTest
  @CsvSource({
    "1, 256, 192, 16, 18, true",
    "2, 128, 130, 17, 16, false",
    "1, 1300, 700, 8, 8, true",
    "1, 128, 128, 150, 120, true",
    "1, 16, 16, 8, 8, true"
  })
  void equalsTheEnginesConvolution(
      long count, long in, long out, long height, long width, boolean withBias) {
    try (Scope scope = Scope.open();
        Rng random = new Rng(out)) {
      Tensor x = random.normal(count, in, height, width).requiresGrad(true);
      Tensor weight = random.normal(out, in, 3, 3).mul(0.02);
      Tensor bias = withBias ? random.normal(out) : null;
      Tensor frozen = Functional.conv2dOfDoubled(x, weight, bias);
      List<Tensor> leaves = new ArrayList<>(List.of(x));
      List<Tensor> ofFrozen = gradients(frozen, leaves);
      leaves.add(weight.requiresGrad(true));
      if (withBias) {
        leaves.add(bias.requiresGrad(true));
      }
      Tensor found = Functional.conv2dOfDoubled(x, weight, bias);
      List<Tensor> gradients = gradients(found, leaves);
      List<Tensor> exact = new ArrayList<>();
      leaves.forEach(leaf -> exact.add(leaf.detach().to(DType.FLOAT64).requiresGrad(true)));
      Tensor twice = Functional.upsampleNearest(exact.get(0), 2 * height, 2 * width);
      Tensor wanted =
          Functional.conv2d(twice, exact.get(1), withBias ? exact.get(2) : null, 1, 1, 1);
      List<Tensor> expected = gradients(wanted, exact);
      assertThat(frozen.detach()).isWithin(1e-5).relativeToScale().of(wanted.detach());
      assertThat(found.detach()).isWithin(1e-5).relativeToScale().of(wanted.detach());
      assertThat(ofFrozen.get(0)).isWithin(1e-5).relativeToScale().of(expected.get(0));
      for (int i = 0; i < leaves.size(); i++) {
        assertThat(gradients.get(i)).isWithin(1e-5).relativeToScale().of(expected.get(i));
      }
    }
  }

  private static List<Tensor> gradients(Tensor y, List<Tensor> leaves) {
    y.square().mean().backward();
    List<Tensor> gradients = new ArrayList<>();
    leaves.forEach(leaf -> gradients.add(Autograd.gathered(leaf).orElseThrow().copy()));
    leaves.forEach(Autograd::forget);
    return gradients;
  }

  @ParameterizedTest
  @EnumSource(names = {"FLOAT16", "BFLOAT16"})
  void weightsInHalfPrecision(DType type) {
    try (Scope scope = Scope.open();
        Rng random = new Rng(1)) {
      Tensor x = random.normal(1, 256, 16, 16).requiresGrad(true);
      Tensor half = random.normal(320, 256, 3, 3).mul(0.02).to(type);
      Tensor found = Functional.conv2dOfDoubled(x, half, null);
      Tensor wanted = Functional.conv2dOfDoubled(x, half.to(DType.FLOAT32), null);
      assertThat(found.detach()).isIdenticalTo(wanted.detach());
      assertThat(Autograd.gradient(found.square().mean(), x))
          .isIdenticalTo(Autograd.gradient(wanted.square().mean(), x));
    }
  }

  @Test
  void theResultCanBeAddedTo() {
    try (Scope scope = Scope.open();
        Rng random = new Rng(2)) {
      Tensor x = random.normal(1, 192, 16, 16).requiresGrad(true);
      Tensor weight = random.normal(192, 192, 3, 3).mul(0.02);
      Tensor sum = Functional.conv2dOfDoubled(x, weight, null).add_(random.normal(192, 32, 32), 1);
      assertThat(Autograd.gradient(sum.mean(), x))
          .isWithin(1e-6)
          .of(Autograd.gradient(Functional.conv2dOfDoubled(x, weight, null).mean(), x));
    }
  }
}
