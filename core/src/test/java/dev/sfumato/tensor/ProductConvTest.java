package dev.sfumato.tensor;

import static dev.sfumato.tensor.TensorSubject.assertThat;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Convolutions that are computed as products must equal those of the engine. */
class ProductConvTest {
  private static final long IN = 1024;
  private static final long OUT = 960;

  private final Scope scope = Scope.open();
  private final Rng random = new Rng(0);

  @AfterEach
  void close() {
    random.close();
    scope.close();
  }

  private void assertEqualToEngine(Tensor x, long kernel, long stride, long padding) {
    Tensor weight = random.normal(OUT, IN, kernel, kernel).mul(0.01);
    EnginesConvolution.assertEqual(x, weight, random.normal(OUT), stride, padding);
  }

  @Test
  void manyWeightsAndFewPixels() {
    Tensor x = random.normal(2, IN, 6, 8).requiresGrad(true);
    assertEqualToEngine(x, 3, 1, 1);
    assertEqualToEngine(x, 3, 2, 1);
    assertEqualToEngine(x, 4, 2, 0);
    assertEqualToEngine(random.normal(1, IN, 5, 3).requiresGrad(true), 3, 1, 0);
  }

  @Test
  void kernelsOfOnePixel() {
    assertEqualToEngine(random.normal(2, IN, 6, 8).requiresGrad(true), 1, 1, 0);
    assertEqualToEngine(random.normal(3, 6, 8, IN).permute(0, 3, 1, 2).requiresGrad(true), 1, 1, 0);
    assertEqualToEngine(random.normal(1, IN, 34, 32).requiresGrad(true), 1, 1, 0);
    assertEqualToEngine(random.normal(1, IN, 8, 6).requiresGrad(true), 1, 1, 2);
    assertEqualToEngine(random.normal(1, IN, 8, 6).requiresGrad(true), 1, 2, 0);
  }

  @ParameterizedTest
  @CsvSource({"1, FLOAT16", "3, FLOAT16", "3, BFLOAT16"})
  void weightsInHalfPrecision(long kernel, DType type) {
    Tensor x = random.normal(2, IN, 6, 8).requiresGrad(true);
    Tensor half = random.normal(OUT, IN, kernel, kernel).mul(0.01).to(type);
    Tensor wide = half.to(DType.FLOAT32);
    Tensor found = Functional.conv2d(x, half, null, 1, kernel / 2, 1);
    Tensor wanted = Functional.conv2d(x, wide, null, 1, kernel / 2, 1);
    assertThat(found.detach()).isIdenticalTo(wanted.detach());
    assertThat(Autograd.gradient(found.square().mean(), x))
        .isWithin(1e-6)
        .relativeToScale()
        .of(Autograd.gradient(wanted.square().mean(), x));
  }
}
