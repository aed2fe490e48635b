package dev.sfumato.tensor;

import static com.google.common.truth.Truth.assertThat;

import dev.sfumato.nn.Linear;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

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

  /** The same for the weights of layers, which the engine must not take for views. */
  @Test
  void copiesOfALayersWeightsAreKept() {
    try (Scope scope = Scope.open();
        Rng random = new Rng(0);
        Linear layer = new Linear(3, 2);
        Autograd.Recording off = Autograd.off()) {
      layer.reset(random);
      Tensor x = random.normal(1, 3);
      try (Autocast.Casts kept = Autocast.keepCasts()) {
        Tensor before = half(layer, x);
        layer.parameters().values().forEach(weight -> weight.fill_(7));
        TensorSubject.assertThat(half(layer, x)).isIdenticalTo(before);
      }
    }
  }

  private static Tensor half(Linear layer, Tensor x) {
    try (Autocast region = Autocast.open(Precision.BF16)) {
      return layer.forward(x);
    }
  }

  private static double product(Tensor weight) {
    try (Autocast region = Autocast.open(Precision.BF16)) {
      Tensor product = Functional.linear(Tensor.full(1, 1, 2), weight, null);
      assertThat(product.dtype()).isEqualTo(DType.BFLOAT16);
      return product.select(0, 0).select(0, 0).item();
    }
  }

  @Test
  void regionsRestoreWhatWasBefore() {
    try (Scope scope = Scope.open();
        Autograd.Recording off = Autograd.off()) {
      Tensor x = Tensor.full(1, 2, 2);
      try (Autocast half = Autocast.open(Precision.FP16)) {
        assertThat(typeOfAProduct(x)).isEqualTo(DType.FLOAT16);
        try (Autocast none = Autocast.open(Precision.FP32)) {
          assertThat(typeOfAProduct(x)).isEqualTo(DType.FLOAT16); // it does nothing
        }
        try (Autocast exact = Autocast.off()) {
          assertThat(typeOfAProduct(x)).isEqualTo(DType.FLOAT32);
          try (Autocast other = Autocast.open(Precision.BF16)) {
            assertThat(typeOfAProduct(x)).isEqualTo(DType.BFLOAT16);
          }
          assertThat(typeOfAProduct(x)).isEqualTo(DType.FLOAT32);
        }
        assertThat(typeOfAProduct(x)).isEqualTo(DType.FLOAT16);
      }
      assertThat(typeOfAProduct(x)).isEqualTo(DType.FLOAT32);
    }
  }

  private static DType typeOfAProduct(Tensor x) {
    return Functional.matmul(x, x).dtype();
  }

  /** The engine's attention in bfloat16 is ten times as slow as that in single precision. */
  @ParameterizedTest
  @EnumSource(names = {"BF16", "FP16"})
  void attentionIsExactAndKeepsItsType(Precision precision) {
    try (Scope scope = Scope.open();
        Rng random = new Rng(0)) {
      Tensor q = random.normal(1, 2, 64, 16);
      Tensor wanted = Functional.attention(q, q, q);
      Tensor causal = Functional.causalAttention(q, q, q);
      try (Autocast region = Autocast.open(precision)) {
        Tensor found = Functional.attention(q, q, q);
        assertThat(found.dtype()).isEqualTo(precision.type());
        TensorSubject.assertThat(found).isIdenticalTo(wanted.to(precision.type()));
        TensorSubject.assertThat(Functional.causalAttention(q, q, q))
            .isIdenticalTo(causal.to(precision.type()));
      }
    }
  }

  /** The engine's own regions would compute a card's norms in float32, and copy twice for it. */
  @Test
  void normsOnACardKeepTheTypeOfTheirFeatures() {
    try (Scope scope = Scope.open()) {
      Tensor single = Tensor.zeros(StandInCard.DEVICE, 1, 4, 2, 2);
      Tensor half = single.to(DType.BFLOAT16);
      assertThat(Autocast.widensNorms(half)).isFalse();
      try (Autocast region = Autocast.open(Precision.BF16)) {
        assertThat(Autocast.widensNorms(half)).isTrue();
        assertThat(Autocast.widensNorms(single)).isFalse();
        assertThat(Autocast.widensNorms(Tensor.zeros(4).to(DType.BFLOAT16))).isFalse();
        Tensor large = Functional.upsampleNearest(half, 4, 4);
        assertThat(large.dtype()).isEqualTo(DType.BFLOAT16);
        assertThat(large.shape()).isEqualTo(new long[] {1, 4, 4, 4});
      }
    }
  }

  /** A changed weight is not seen: its copy was kept. Without, each call rounds it. */
  @Test
  void roundedWeightsOfNormsAreKept() {
    long before = Scope.liveTensors();
    try (Scope scope = Scope.open();
        Autograd.Recording off = Autograd.off()) {
      Tensor x = Tensor.zeros(1).to(DType.BFLOAT16);
      Tensor weight = Tensor.full(1, 1);
      try (Autocast.Casts kept = Autocast.keepCasts()) {
        assertThat(rounded(x, weight)).isEqualTo(1);
        weight.fill_(3);
        assertThat(rounded(x, weight)).isEqualTo(1);
      }
      assertThat(rounded(x, weight)).isEqualTo(3);
    }
    assertThat(Scope.liveTensors()).isEqualTo(before);
  }

  private static double rounded(Tensor x, Tensor weight) {
    return Autocast.inTypeOf(x, weight, null, (w, none) -> w.mul(1)).item();
  }

  @Test
  void normsInHalfPrecisionAddInSinglePrecision() {
    try (Scope scope = Scope.open();
        Rng random = new Rng(0)) {
      Tensor x = random.normal(2, 8, 64, 64).add(30).to(DType.BFLOAT16);
      Tensor weight = random.normal(8);
      Tensor bias = random.normal(8);
      Tensor exact = Functional.groupNorm(x.to(DType.FLOAT32), 2, weight, bias, 1e-5);
      Tensor rounded =
          Autocast.inTypeOf(x, weight, bias, (w, b) -> Functional.groupNorm(x, 2, w, b, 1e-5));
      assertThat(rounded.dtype()).isEqualTo(DType.BFLOAT16);
      Tensor error = rounded.to(DType.FLOAT32).sub(exact).abs();
      assertThat(error.div(exact.abs().add(1)).max().item()).isLessThan(0.02);
    }
  }
}
