package dev.sfumato.tensor;

import static dev.sfumato.tensor.TensorSubject.assertThat;

import org.junit.jupiter.api.Test;

/** Convolutions of large pictures, computed in strips, must equal those computed at once. */
class StripedConvTest {
  /** As many channels as make a picture that is computed in several strips. */
  private static final long IN = 36;

  private static final long SIDE = 968;

  private static void assertEqualToRecorded(Tensor x, Tensor weight, Tensor bias, long padding) {
    try (Scope scope = Scope.open()) {
      Tensor striped = Functional.conv2d(x, weight, bias, 1, padding, 1);
      weight.requiresGrad(true); // what is recorded is not computed in strips
      Tensor whole = Functional.conv2d(x, weight, bias, 1, padding, 1);
      assertThat(striped).isWithin(1e-5).of(whole.detach());
    }
  }

  @Test
  void equalsAWholeConvolution() {
    try (Scope scope = Scope.open();
        Rng random = new Rng(0)) {
      Tensor x = random.normal(1, IN, SIDE, SIDE);
      assertEqualToRecorded(x, random.normal(2, IN, 3, 3).mul(0.05), random.normal(2), 1);
      assertEqualToRecorded(x, random.normal(2, IN, 5, 5).mul(0.03), null, 2);
      Tensor tall = random.normal(1, IN, 1021, SIDE); // its last strip has one row
      assertEqualToRecorded(tall, random.normal(2, IN, 5, 5).mul(0.03), null, 2);
      assertEqualToRecorded(x, random.normal(2, IN, 1, 1).mul(0.1), random.normal(2), 0);
    }
  }

  @Test
  void equalsAWholeConvolutionOfABatch() {
    try (Scope scope = Scope.open();
        Rng random = new Rng(1)) {
      Tensor x = random.normal(2, 1, 968, 970);
      assertEqualToRecorded(x, random.normal(IN, 1, 3, 3), random.normal(IN), 1);
    }
  }

  @Test
  void theGradientOfALargePictureIsThatOfAWholeConvolution() {
    try (Scope scope = Scope.open();
        Rng random = new Rng(2)) {
      Tensor x = random.normal(1, 32, 1032, 1024).requiresGrad(true);
      Tensor weight = random.normal(16, 32, 3, 3).mul(0.05);
      Tensor bias = random.normal(16);
      Tensor striped =
          Functional.conv2dOf(in -> Functional.silu(in), x, () -> weight, bias, 1, 1, 1);
      Tensor found = Autograd.gradient(striped.square().mean(), x);
      Tensor learned = weight.detach().requiresGrad(true);
      Tensor whole = Functional.conv2d(Functional.silu(x), learned, bias, 1, 1, 1);
      assertThat(striped.detach()).isWithin(1e-5).of(whole.detach());
      Tensor wanted = Autograd.gradient(whole.square().mean(), x);
      assertThat(found).isWithin(1e-5).relativeToScale().of(wanted);
    }
  }
}
