package dev.sfumato.tensor;

import static com.google.common.truth.Truth.assertThat;
import static dev.sfumato.tensor.TensorSubject.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Products that oneDNN computes must equal the engine's own, gradients included. */
class LinearKernelTest {
  private static final long IN = 96;
  private static final long OUT = 160;

  /** Rows above and below the size from which the kernel is used. */
  private static final List<Long> ROWS = List.of(1024L, 64L);

  @Test
  void equalsAMatrixProduct() {
    for (long rows : ROWS) {
      try (Scope scope = Scope.open();
          Rng random = new Rng(rows)) {
        Tensor x = random.normal(2, rows / 2, IN);
        Tensor weight = random.normal(OUT, IN);
        Tensor bias = random.normal(OUT);
        Tensor wanted = Functional.matmul(x, weight.transpose(0, 1));
        assertThat(Functional.linear(x, weight, null)).isWithin(1e-4).of(wanted);
        assertThat(Functional.linear(x, weight, bias)).isWithin(1e-4).of(wanted.add(bias));
        Tensor columns = random.normal(2, IN, rows / 2).transpose(1, 2);
        assertThat(Functional.linear(columns, weight, null))
            .isWithin(1e-4)
            .of(Functional.matmul(columns, weight.transpose(0, 1)));
      }
    }
  }

  @Test
  void gradientsEqualThoseOfAMatrixProduct() {
    for (long rows : ROWS) {
      for (int learned = 1; learned < 8; learned++) {
        try (Scope scope = Scope.open();
            Rng random = new Rng(rows)) {
          Tensor x = random.normal(2, rows / 2, IN).requiresGrad((learned & 1) != 0);
          Tensor weight = random.normal(OUT, IN).requiresGrad((learned & 2) != 0);
          Tensor bias = random.normal(OUT).requiresGrad((learned & 4) != 0);
          List<Tensor> leaves =
              List.of(x, weight, bias).stream().filter(Tensor::requiresGrad).toList();
          Functional.linear(x, weight, bias).square().mean().backward();
          List<Tensor> found = gathered(leaves);
          leaves.forEach(Autograd::forget);
          Functional.matmul(x, weight.transpose(0, 1)).add(bias).square().mean().backward();
          List<Tensor> wanted = gathered(leaves);
          assertThat(found).hasSize(wanted.size());
          for (int i = 0; i < found.size(); i++) {
            assertThat(found.get(i)).isWithin(1e-6).of(wanted.get(i));
          }
        }
      }
    }
  }

  private static List<Tensor> gathered(List<Tensor> leaves) {
    List<Tensor> gradients = new ArrayList<>();
    leaves.forEach(leaf -> gradients.add(Autograd.gathered(leaf).orElseThrow().copy()));
    return gradients;
  }

  /** The matrices of a LoRA, each used twice. */
  @Test
  void narrowWeightsGatherTheirGradients() {
    try (Scope scope = Scope.open();
        Rng random = new Rng(5)) {
      Tensor x = random.normal(1, 4096, 320);
      Tensor down = random.normal(16, 320).mul(0.1).requiresGrad(true);
      Tensor up = random.normal(320, 16).mul(0.1).requiresGrad(true);
      for (int i = 0; i < 2; i++) {
        Tensor h = Functional.linear(Functional.linear(x, down, null), up, null);
        Functional.linear(Functional.linear(h, down, null), up, null).square().mean().backward();
      }
      List<Tensor> found = gathered(List.of(down, up));
      List.of(down, up).forEach(Autograd::forget);
      Tensor first = down.transpose(0, 1);
      Tensor second = up.transpose(0, 1);
      Tensor h = Functional.matmul(Functional.matmul(x, first), second);
      Tensor y = Functional.matmul(Functional.matmul(h, first), second);
      y.square().mean().mul(2).backward();
      List<Tensor> wanted = gathered(List.of(down, up));
      for (int i = 0; i < 2; i++) {
        assertThat(found.get(i)).isWithin(1e-5).relativeToScale().of(wanted.get(i));
      }
    }
  }

  @Test
  void aWeightThatIsComputedGetsItsGradient() {
    try (Scope scope = Scope.open();
        Rng random = new Rng(3)) {
      Tensor x = random.normal(1024, IN);
      Tensor scale = Tensor.full(2, 1).requiresGrad(true);
      Tensor weight = random.normal(OUT, IN);
      Functional.linear(x, weight.mul(scale), null).sum().backward();
      double wanted = Functional.linear(x, weight, null).sum().item();
      double found = Autograd.gathered(scale).orElseThrow().sum().item();
      assertThat(found).isWithin(1e-4 * Math.abs(wanted) + 1e-2).of(wanted);
    }
  }

  @Test
  void keepsNothingAlive() {
    long before = Scope.liveTensors();
    for (int i = 0; i < 3; i++) {
      try (Scope scope = Scope.open();
          Rng random = new Rng(4)) {
        Tensor x = random.normal(1024, IN).requiresGrad(true);
        Tensor weight = random.normal(OUT, IN);
        Tensor y = Functional.linear(x, weight, null);
        if (i > 0) { // the first is never differentiated
          assertThat(Autograd.gradient(y.sum(), x).shape()).isEqualTo(x.shape());
        }
      }
    }
    assertThat(Scope.liveTensors()).isEqualTo(before);
  }
}
