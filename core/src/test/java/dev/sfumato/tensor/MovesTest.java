package dev.sfumato.tensor;

import static com.google.common.truth.Truth.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.sfumato.SfumatoException;
import org.junit.jupiter.api.Test;

class MovesTest {
  private static final Device CARD = StandInCard.DEVICE;

  @Test
  void whatIsSentAndReadIsCounted() {
    try (Scope scope = Scope.open()) {
      long sent = Moves.sent();
      Tensor there = Tensor.of(new float[] {1, 2}, 2).to(CARD);
      assertThat(there.device()).isEqualTo(CARD);
      there.to(CARD).add(Tensor.full(CARD, 1, 2)).sum();
      assertThat(Tensor.arange(CARD, 3).dtype()).isEqualTo(DType.INT64);
      assertThat(Moves.sent()).isEqualTo(sent + 1);
      long read = Moves.read();
      assertThrows(SfumatoException.class, () -> there.sum().item()); // it has no numbers
      assertThrows(SfumatoException.class, there::toFloats);
      assertThrows(SfumatoException.class, there::isFinite);
      assertThat(Moves.read()).isEqualTo(read + 3);
    }
  }

  @Test
  void whatStaysOnTheHostIsNotCounted() {
    try (Scope scope = Scope.open()) {
      long before = Moves.sent() + Moves.read();
      Tensor x = Tensor.of(new float[] {1, 2}, 2).to(Device.CPU);
      assertThat(x.sum().item()).isEqualTo(3);
      assertThat(x.isFinite()).isTrue();
      assertThat(Constant.on(Device.CPU, new float[] {5}, 1).toFloats()).isEqualTo(new float[] {5});
      assertThat(Moves.sent() + Moves.read()).isEqualTo(before);
    }
  }

  @Test
  void constantsAreSentOnce() {
    try (Scope scope = Scope.open()) {
      float[] taps = {0.25f, 0.125f, 17};
      Constant.on(CARD, taps, 3);
      long sent = Moves.sent();
      assertThat(Constant.on(CARD, taps.clone(), 3).shape()).isEqualTo(new long[] {3});
      assertThat(Moves.sent()).isEqualTo(sent);
      assertThat(Constant.on(CARD, taps, 3, 1).shape()).isEqualTo(new long[] {3, 1});
      taps[0] = 1;
      Constant.on(CARD, taps, 3);
      Constant.on(CARD, new long[] {1, 2, 17}, 3);
      assertThat(Moves.sent()).isEqualTo(sent + 3);
    }
  }

  @Test
  void forgottenConstantsAreFreed() {
    try (Scope scope = Scope.open()) {
      for (int i = 0; i < 600; i++) {
        Constant.on(CARD, new long[] {i, 18}, 2);
      }
    }
    long full = Scope.liveTensors();
    try (Scope scope = Scope.open()) {
      for (int i = 0; i < 600; i++) {
        Constant.on(CARD, new long[] {i, 19}, 2);
      }
    }
    assertThat(Scope.liveTensors()).isEqualTo(full);
  }
}
