package dev.sfumato.tensor;

import static dev.sfumato.tensor.TensorSubject.assertThat;

/** The engine's own convolution, which is that of a weight that learns. */
final class EnginesConvolution {
  private EnginesConvolution() {}

  /** Asserts that the convolution with a frozen weight, and its gradient, equal the engine's. */
  static void assertEqual(Tensor x, Tensor weight, Tensor bias, long stride, long padding) {
    try (Scope scope = Scope.open()) {
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
}
