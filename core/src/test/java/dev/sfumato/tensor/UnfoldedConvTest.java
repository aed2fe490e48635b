package dev.sfumato.tensor;

import org.junit.jupiter.api.Test;

/** Convolutions of few pixels with many weights must equal those of the engine. */
class UnfoldedConvTest {
  private static final long IN = 1024;
  private static final long OUT = 960;

  private static void assertEqualToEngine(Tensor x, long kernel, long stride, long padding) {
    try (Scope scope = Scope.open();
        Rng random = new Rng(kernel)) {
      Tensor weight = random.normal(OUT, IN, kernel, kernel).mul(0.01);
      EnginesConvolution.assertEqual(x, weight, random.normal(OUT), stride, padding);
    }
  }

  @Test
  void equalsTheEnginesConvolution() {
    try (Scope scope = Scope.open();
        Rng random = new Rng(0)) {
      Tensor x = random.normal(2, IN, 6, 8).requiresGrad(true);
      assertEqualToEngine(x, 3, 1, 1);
      assertEqualToEngine(x, 3, 2, 1);
      assertEqualToEngine(x, 4, 2, 0);
      assertEqualToEngine(random.normal(1, IN, 5, 3).requiresGrad(true), 3, 1, 0);
    }
  }
}
