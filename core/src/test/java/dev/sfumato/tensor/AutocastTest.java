package dev.sfumato.tensor;

import static com.google.common.truth.Truth.assertThat;

import org.junit.jupiter.api.Test;

class AutocastTest {
  /** A changed weight is not seen: its copy was kept. */
  @Test
  void keptCopiesOfWeightsAreMadeOnce() {
    try (Scope scope = Scope.open();
        Autograd.Recording off = Autograd.off()) {
      Tensor weight = Tensor.full(1, 2, 2).requiresGrad(true);
      try (Autocast.Casts outer = Autocast.keepCasts()) {
        assertThat(product(weight)).isEqualTo(2);
        weight.fill_(3);
        try (Autocast.Casts inner = Autocast.keepCasts()) {
          assertThat(product(weight)).isEqualTo(2);
        }
        assertThat(product(weight)).isEqualTo(2);
      }
      assertThat(product(weight)).isEqualTo(6);
      weight.fill_(4);
      assertThat(product(weight)).isEqualTo(8); // without, each region makes its own
    }
  }

  private static double product(Tensor weight) {
    try (Autocast region = Autocast.open(Precision.BF16)) {
      Tensor product = Functional.linear(Tensor.full(1, 1, 2), weight, null);
      assertThat(product.dtype()).isEqualTo(DType.BFLOAT16);
      return product.select(0, 0).select(0, 0).item();
    }
  }

  /** The engine's attention in bfloat16 is ten times as slow as that in single precision. */
  @Test
  void attentionIsExactAndKeepsItsType() {
    try (Scope scope = Scope.open();
        Rng random = new Rng(0)) {
      Tensor q = random.normal(1, 2, 64, 16);
      Tensor wanted = Functional.attention(q, q, q);
      Tensor causal = Functional.causalAttention(q, q, q);
      try (Autocast region = Autocast.open(Precision.BF16)) {
        Tensor found = Functional.attention(q, q, q);
        assertThat(found.dtype()).isEqualTo(DType.BFLOAT16);
        TensorSubject.assertThat(found).isIdenticalTo(wanted.to(DType.BFLOAT16));
        TensorSubject.assertThat(Functional.causalAttention(q, q, q))
            .isIdenticalTo(causal.to(DType.BFLOAT16));
      }
    }
  }
}
