package dev.sfumato.evaluation;

import static com.google.common.truth.Truth.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.sfumato.SfumatoException;
import dev.sfumato.tensor.Rng;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import org.junit.jupiter.api.Test;

class FeatureStatisticsTest {
  private static Tensor features() {
    try (Rng random = new Rng(3)) {
      return random.normal(50, 8);
    }
  }

  @Test
  void aSetIsAtNoDistanceFromItself() {
    try (Scope scope = Scope.open()) {
      FeatureStatistics a = FeatureStatistics.of(features());
      assertThat(a.distanceTo(a)).isWithin(1e-9).of(0);
    }
  }

  @Test
  void aShiftCountsSquared() {
    try (Scope scope = Scope.open()) {
      FeatureStatistics a = FeatureStatistics.of(features());
      FeatureStatistics b = FeatureStatistics.of(features().add(0.5));
      assertThat(a.distanceTo(b)).isWithin(1e-5).of(8 * 0.25);
    }
  }

  /** tr(S + 9 S - 6 S) = 4 tr S, and the means part by 2 mu. */
  @Test
  void soDoesAChangeOfSpread() {
    try (Scope scope = Scope.open()) {
      Tensor x = features();
      FeatureStatistics a = FeatureStatistics.of(x);
      FeatureStatistics b = FeatureStatistics.of(x.mul(3));
      Tensor mean = x.mean(true, 0);
      double spread = x.sub(mean).square().sum().item() / 49;
      double shift = mean.square().sum().item();
      assertThat(a.distanceTo(b)).isWithin(1e-4).of(4 * spread + 4 * shift);
      assertThat(b.distanceTo(a)).isWithin(1e-4).of(4 * spread + 4 * shift);
    }
  }

  /** As with 5 pictures of 8 features, whose covariance has no inverse. */
  @Test
  void fewPicturesWillDo() {
    try (Scope scope = Scope.open()) {
      Tensor x = features();
      FeatureStatistics a = FeatureStatistics.of(x.narrow(0, 0, 5));
      FeatureStatistics b = FeatureStatistics.of(x.narrow(0, 5, 5));
      assertThat(a.distanceTo(b)).isGreaterThan(0.1);
      assertThat(a.distanceTo(b)).isWithin(1e-6).of(b.distanceTo(a));
    }
  }

  @Test
  void onePictureWillNot() {
    try (Scope scope = Scope.open()) {
      Tensor one = features().narrow(0, 0, 1);
      assertThat(assertThrows(SfumatoException.class, () -> FeatureStatistics.of(one)))
          .hasMessageThat()
          .contains("at least 2");
    }
    assertThat(Scope.liveTensors()).isEqualTo(0);
  }
}
