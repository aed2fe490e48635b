package dev.sfumato.tensor;

import static dev.sfumato.tensor.TensorSubject.assertThat;

import org.junit.jupiter.api.Test;

/** Convolutions by minimal filtering must equal those of the engine. */
class WinogradConvTest {
  /** Compares with the convolution of a weight that learns, which the engine computes itself. */
  private static void assertEqualToLearned(Tensor x, long out, boolean withBias) {
    try (Scope scope = Scope.open();
        Rng random = new Rng(out)) {
      Tensor weight = random.normal(out, x.size(1), 3, 3).mul(0.02);
      Tensor bias = withBias ? random.normal(out) : null;
      Tensor found = Functional.conv2d(x, weight, bias, 1, 1, 1);
      Tensor dx = Autograd.gradient(found.square().mean(), x);
      weight.requiresGrad(true);
      Tensor wanted = Functional.conv2d(x, weight, bias, 1, 1, 1);
      assertThat(found.detach()).isWithin(1e-5).relativeToScale().of(wanted.detach());
      assertThat(dx)
          .isWithin(1e-5)
          .relativeToScale()
          .of(Autograd.gradient(wanted.square().mean(), x));
    }
  }

  @Test
  void equalsTheEnginesConvolution() {
    try (Scope scope = Scope.open();
        Rng random = new Rng(0)) {
      assertEqualToLearned(random.normal(2, 256, 32, 34).requiresGrad(true), 192, true);
      assertEqualToLearned(random.normal(1, 128, 96, 64).requiresGrad(true), 130, false);
      assertEqualToLearned(random.normal(1, 1100, 32, 32).requiresGrad(true), 600, true);
    }
  }
}
