package dev.sfumato.guidance;

import static com.google.common.truth.Truth.assertThat;
import static dev.sfumato.tensor.TensorSubject.assertThat;

import dev.sfumato.model.PictureSpace;
import dev.sfumato.tensor.Rng;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Guides see decoded pictures, whatever the network works on. */
class PictureSpaceTest {
  /** Half the values, and two pixels a side for one; so steep that a missing factor shows. */
  private static final PictureSpace DOUBLED =
      new PictureSpace() {
        @Override
        public int scale() {
          return 2;
        }

        @Override
        public Tensor encode(Tensor pictures, Rng random) {
          throw new AssertionError("nothing is encoded without a picture");
        }

        @Override
        public Tensor decode(Tensor x) {
          Tensor wide = Tensor.stack(List.of(x, x), 4).reshape(x.size(0), x.size(1), x.size(2), -1);
          return Tensor.stack(List.of(wide, wide), 3)
              .reshape(x.size(0), x.size(1), 2 * x.size(2), 2 * x.size(3))
              .mul(0.5);
        }
      };

  private static final Guide DARKER = (x0, at) -> x0.square().mean();

  @Test
  void guidesAndTheResultAreDecoded() {
    List<long[]> seen = new ArrayList<>();
    Guide watching =
        (x0, at) -> {
          seen.add(x0.shape());
          return x0.mean();
        };
    try (Scope scope = Scope.open()) {
      Tensor pictures = SteeredSampling.tiny(by(watching, 0)).in(DOUBLED).run();
      assertThat(pictures.shape()).isEqualTo(new long[] {1, 3, 32, 32});
      assertThat(pictures)
          .isWithin(0)
          .of(DOUBLED.decode(SteeredSampling.tiny(by(watching, 0)).run()));
    }
    assertThat(seen.stream().filter(s -> Arrays.equals(s, new long[] {1, 3, 32, 32})).count())
        .isEqualTo(5);
  }

  /**
   * decode is linear: a guide of decoded pictures is the same guide with the chain rule's factor.
   */
  @ParameterizedTest
  @EnumSource(GradientMode.class)
  void gradientsFlowThroughDecode(GradientMode mode) {
    Guide byHand = (x0, at) -> x0.mul(0.5).square().mean();
    try (Scope scope = Scope.open()) {
      Tensor expected = SteeredSampling.tiny(by(byHand, 40, mode)).count(3).run();
      Tensor decoded = SteeredSampling.tiny(by(DARKER, 40, mode)).count(3).in(DOUBLED).run();
      assertThat(decoded).isWithin(1e-4).of(DOUBLED.decode(expected));
      Tensor unguided = SteeredSampling.tiny(Guidance.NONE).count(3).in(DOUBLED).run();
      assertThat(decoded.sub(unguided).abs().max().item()).isGreaterThan(1e-2);
    }
  }

  @ParameterizedTest
  @EnumSource(GradientMode.class)
  void theBatchSizeChangesNoPicture(GradientMode mode) {
    try (Scope scope = Scope.open()) {
      Tensor together = SteeredSampling.tiny(by(DARKER, 40, mode)).count(5).in(DOUBLED).run();
      Tensor apart =
          SteeredSampling.tiny(by(DARKER, 40, mode)).count(5).inSlicesOf(2).in(DOUBLED).run();
      assertThat(apart).isWithin(1e-4).of(together);
    }
  }

  private static Guidance by(Guide guide, double scale) {
    return by(guide, scale, GradientMode.SHORTCUT);
  }

  private static Guidance by(Guide guide, double scale, GradientMode mode) {
    return Guidance.of(List.of(ScheduledGuide.of("guide", guide, scale)), mode);
  }
}
