package dev.sfumato.tensor;

import static com.google.common.truth.Truth.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.sfumato.SfumatoException;
import org.junit.jupiter.api.Test;

class TensorTest {
  @Test
  void arithmeticAndShapes() {
    try (Scope scope = Scope.open()) {
      Tensor x = Tensor.of(new float[] {1, 2, 3, 4, 5, 6}, 2, 3);
      assertThat(x.mul(2).add(1).toFloats()).isEqualTo(new float[] {3, 5, 7, 9, 11, 13});
      assertThat(x.transpose(0, 1).contiguous().toFloats())
          .isEqualTo(new float[] {1, 4, 2, 5, 3, 6});
      assertThat(x.transpose(0, 1).toFloats()).isEqualTo(new float[] {1, 4, 2, 5, 3, 6});
      assertThat(x.mean().item()).isEqualTo(3.5);
      assertThat(Tensor.scalar(3).shape()).isEmpty();
      assertThat(x.clamp(2, 4).toFloats()).isEqualTo(new float[] {2, 2, 3, 4, 4, 4});
    }
  }

  @Test
  void takesValuesInTheMiddle() {
    try (Scope scope = Scope.open()) {
      Tensor x = Tensor.zeros(2, 3).put_(2, new float[] {7, 8}).put_(6, new float[0]);
      assertThat(x.toFloats()).isEqualTo(new float[] {0, 0, 7, 8, 0, 0});
      float[] two = new float[2];
      assertThrows(IndexOutOfBoundsException.class, () -> x.put_(5, two));
      assertThrows(IllegalStateException.class, () -> x.transpose(0, 1).put_(0, two));
      assertThrows(IllegalStateException.class, () -> x.to(DType.FLOAT64).put_(0, two));
    }
  }

  @Test
  void errorsOfTheEngineAreOneLine() {
    try (Scope scope = Scope.open()) {
      Tensor a = Tensor.zeros(2, 3);
      Tensor b = Tensor.zeros(4, 5);
      SfumatoException e = assertThrows(SfumatoException.class, () -> a.add(b));
      assertThat(e.getMessage()).contains("size of tensor");
      assertThat(e.getMessage()).doesNotContain("\n");
      assertThat(e.getMessage()).doesNotContain("frame");
    }
  }

  @Test
  void gradientOfALossWithRespectToAnInput() {
    try (Scope scope = Scope.open()) {
      Tensor x = Tensor.of(new float[] {1, -2, 3}, 3).requiresGrad(true);
      assertThat(Autograd.gradient(x.square().sum(), x).toFloats())
          .isEqualTo(new float[] {2, -4, 6});
    }
  }

  @Test
  void gradientsGatherAndAreForgotten() {
    try (Scope scope = Scope.open()) {
      Tensor x = Tensor.of(new float[] {1, -2}, 2).requiresGrad(true);
      assertThat(Autograd.gathered(x)).isEmpty();
      x.square().sum().backward();
      x.square().sum().backward();
      assertThat(Autograd.gathered(x).orElseThrow().toFloats()).isEqualTo(new float[] {4, -8});
      Autograd.forget(x);
      assertThat(Autograd.gathered(x)).isEmpty();
    }
  }
}
