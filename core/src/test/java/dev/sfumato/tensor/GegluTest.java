package dev.sfumato.tensor;

import static com.google.common.truth.Truth.assertThat;
import static dev.sfumato.tensor.TensorSubject.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The gate of a transformer must equal its formula, its gradient included. */
class GegluTest {
  private static Tensor formula(Tensor x) {
    long half = x.size(2) / 2;
    return x.narrow(2, 0, half).mul(Functional.gelu(x.narrow(2, half, half)));
  }

  /** Sizes below and above the one from which only the input is kept. */
  @ParameterizedTest
  @ValueSource(longs = {3, 300})
  void equalsItsFormula(long tokens) {
    try (Scope scope = Scope.open();
        Rng random = new Rng(tokens)) {
      Tensor x = random.normal(2, tokens, 2560).requiresGrad(true);
      Tensor weight = random.normal(2, tokens, 1280);
      Tensor found = Functional.geglu(x);
      Tensor wanted = formula(x);
      assertThat(found.detach()).isIdenticalTo(wanted.detach());
      assertThat(Autograd.gradient(found.mul(weight).sum(), x))
          .isIdenticalTo(Autograd.gradient(wanted.mul(weight).sum(), x));
      assertThat(Functional.geglu(x.detach())).isIdenticalTo(wanted.detach());
    }
  }

  @ParameterizedTest
  @ValueSource(longs = {3, 300})
  void keepsNothingAlive(long tokens) {
    long before = Scope.liveTensors();
    try (Scope scope = Scope.open();
        Rng random = new Rng(tokens)) {
      Tensor x = random.normal(1, tokens, 2560).requiresGrad(true);
      Functional.geglu(x); // never differentiated
      assertThat(Autograd.gradient(Functional.geglu(x).sum(), x).shape()).isEqualTo(x.shape());
    }
    assertThat(Scope.liveTensors()).isEqualTo(before);
  }
}
