package dev.sfumato.nn;

import static com.google.common.truth.Truth.assertThat;

import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.StandInCard;
import dev.sfumato.tensor.Tensor;
import org.junit.jupiter.api.Test;

class LinearOnCardTest {
  /** A convolution would fail: the stand-in has none. */
  @Test
  void projectionsOfPixelsAreMatrixProductsOnACard() {
    try (Scope scope = Scope.open();
        Linear first = new Linear(5, 4);
        Linear second = new Linear(5, 3)) {
      StandInCard.place(first);
      StandInCard.place(second);
      Tensor pixels = Tensor.zeros(StandInCard.DEVICE, 2, 5, 6);
      Tensor projected = Linear.pointwise(pixels, first, second);
      assertThat(projected.shape()).isEqualTo(new long[] {2, 7, 6});
      assertThat(projected.device()).isEqualTo(StandInCard.DEVICE);
    }
  }
}
