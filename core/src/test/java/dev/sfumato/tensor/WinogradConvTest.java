package dev.sfumato.tensor;

import static dev.sfumato.tensor.TensorSubject.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Convolutions by minimal filtering must equal those of the engine. */
class WinogradConvTest {
  private static void assertEqualToEngine(Tensor x, long out, boolean withBias) {
    try (Scope scope = Scope.open();
        Rng random = new Rng(out)) {
      Tensor weight = random.normal(out, x.size(1), 3, 3).mul(0.02);
      EnginesConvolution.assertEqual(x, weight, withBias ? random.normal(out) : null, 1, 1);
    }
  }

  @Test
  void equalsTheEnginesConvolution() {
    try (Scope scope = Scope.open();
        Rng random = new Rng(0)) {
      assertEqualToEngine(random.normal(2, 256, 32, 34).requiresGrad(true), 192, true);
      assertEqualToEngine(random.normal(1, 128, 96, 64).requiresGrad(true), 130, false);
      assertEqualToEngine(random.normal(1, 1100, 32, 32).requiresGrad(true), 600, true);
      assertEqualToEngine(random.normal(1, 1400, 16, 16).requiresGrad(true), 1400, true);
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"FLOAT16", "BFLOAT16"})
  void weightsInHalfPrecision(DType type) {
    try (Scope scope = Scope.open();
        Rng random = new Rng(1)) {
      Tensor x = random.normal(1, 256, 32, 32).requiresGrad(true);
      Tensor half = random.normal(320, 256, 3, 3).mul(0.02).to(type);
      Tensor found = Functional.conv2d(x, half, null, 1, 1, 1);
      Tensor wanted = Functional.conv2d(x, half.to(DType.FLOAT32), null, 1, 1, 1);
      assertThat(found.detach()).isIdenticalTo(wanted.detach());
      assertThat(Autograd.gradient(found.square().mean(), x))
          .isIdenticalTo(Autograd.gradient(wanted.square().mean(), x));
    }
  }
}
