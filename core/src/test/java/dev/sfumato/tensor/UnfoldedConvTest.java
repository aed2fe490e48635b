package dev.sfumato.tensor;

import static dev.sfumato.tensor.TensorSubject.assertThat;

import org.junit.jupiter.api.Test;

/** Convolutions of few pixels with many weights must equal those of the engine. */
class UnfoldedConvTest {
  private static final long IN = 1024;
  private static final long OUT = 960;

  /** Compares with the convolution of a weight that learns, which the engine computes itself. */
  private static void assertEqualToLearned(Tensor x, long kernel, long stride, long padding) {
    try (Scope scope = Scope.open();
        Rng random = new Rng(kernel)) {
      Tensor weight = random.normal(OUT, IN, kernel, kernel).mul(0.01);
      Tensor bias = random.normal(OUT);
      Tensor found = Functional.conv2d(x, weight, bias, stride, padding, 1);
      Tensor dx = Autograd.gradient(found.square().mean(), x);
      weight.requiresGrad(true);
      Tensor wanted = Functional.conv2d(x, weight, bias, stride, padding, 1);
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
      Tensor x = random.normal(2, IN, 6, 8).requiresGrad(true);
      assertEqualToLearned(x, 3, 1, 1);
      assertEqualToLearned(x, 3, 2, 1);
      assertEqualToLearned(x, 4, 2, 0);
      assertEqualToLearned(random.normal(1, IN, 5, 3).requiresGrad(true), 3, 1, 0);
    }
  }
}
