package dev.sfumato.model;

import static com.google.common.truth.Truth.assertThat;
import static dev.sfumato.tensor.TensorSubject.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.sfumato.SfumatoException;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import org.junit.jupiter.api.Test;

class ConditionTest {
  @Test
  void rowsAreThoseOfEachPart() {
    try (Scope scope = Scope.open()) {
      Tensor vectors = Tensor.of(new float[] {1, 2, 3, 4, 5, 6}, 3, 2);
      Condition rows =
          Condition.ofLabels(Tensor.of(new long[] {7, 8, 9}, 3)).withVector(vectors).rows(1, 2);
      assertThat(rows.labels().orElseThrow().toLongs()).isEqualTo(new long[] {8, 9});
      assertThat(rows.vector().orElseThrow().toFloats()).isEqualTo(new float[] {3, 4, 5, 6});
      assertThat(rows.tokens().isPresent()).isFalse();
    }
  }

  @Test
  void aSingleRowHoldsForAll() {
    try (Scope scope = Scope.open()) {
      Tensor tokens = Tensor.of(new float[] {1, 2, 3, 4}, 1, 2, 2);
      Condition rows = Condition.NONE.withTokens(tokens).rows(5, 3);
      assertThat(rows.tokens().orElseThrow().shape()).isEqualTo(new long[] {3, 2, 2});
      assertThat(rows.tokens().orElseThrow().narrow(0, 2, 1)).isWithin(0).of(tokens);
    }
  }

  @Test
  void aPartOfAnotherShapeIsRefused() {
    try (Scope scope = Scope.open()) {
      SfumatoException e =
          assertThrows(SfumatoException.class, () -> Condition.NONE.withTokens(Tensor.zeros(2, 3)));
      assertThat(e)
          .hasMessageThat()
          .isEqualTo("tokens must have 3 dimensions, not the shape [2, 3]");
    }
  }
}
