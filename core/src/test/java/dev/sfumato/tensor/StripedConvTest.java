package dev.sfumato.tensor;

import static dev.sfumato.tensor.TensorSubject.assertThat;

import org.junit.jupiter.api.Test;

/** Convolutions of large pictures, computed in strips, must equal those computed at once. */
class StripedConvTest {
  /** As many channels as make 2^25 elements of a picture. */
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
      assertEqualToRecorded(x, random.normal(2, IN, 1, 1).mul(0.1), random.normal(2), 0);
    }
  }

  @Test
  void equalsAWholeConvolutionOfABatch() {
    try (Scope scope = Scope.open();
        Rng random = new Rng(1)) {
      Tensor x = random.normal(3, 1, 451, 700);
      assertEqualToRecorded(x, random.normal(IN, 1, 3, 3), random.normal(IN), 1);
    }
  }
}
