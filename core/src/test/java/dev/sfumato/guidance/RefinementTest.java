package dev.sfumato.guidance;

import static com.google.common.truth.Truth.assertThat;
import static dev.sfumato.tensor.TensorSubject.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.sfumato.SfumatoException;
import dev.sfumato.scheduler.PredictionType;
import dev.sfumato.scheduler.Run;
import dev.sfumato.scheduler.RunOptions;
import dev.sfumato.scheduler.Scheduler;
import dev.sfumato.scheduler.SchedulerConfig;
import dev.sfumato.scheduler.Step;
import dev.sfumato.tensor.Rng;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Descent on the predicted picture, time travel, and inpainting. */
class RefinementTest {
  private static final ColorGuide TEAL = new ColorGuide(0.1, 0.9, 0.5);
  private static final Guidance COLOR =
      Guidance.of(List.of(ScheduledGuide.of("color", TEAL, 40)), GradientMode.SHORTCUT);

  @ParameterizedTest
  @EnumSource(PredictionType.class)
  void bothKindsOfMeanGuidanceMoveThePredictedPicture(PredictionType type) {
    SchedulerConfig config =
        SchedulerConfig.ddpmDefaults()
            .withClassName("ddim")
            .withPredictionType(type)
            .with("clip_sample", false);
    try (Scope scope = Scope.open();
        Rng random = new Rng(0)) {
      Run run = Scheduler.of(config).begin(10, RunOptions.defaults(), random);
      Step step = new Step(4, 10, 500);
      Tensor x = random.normal(1, 3, 4, 4);
      Tensor output = random.normal(1, 3, 4, 4);
      Tensor delta = random.normal(1, 3, 4, 4);
      Tensor x0 = run.predictX0(output, x, step);
      for (MeanGuidance.Kind kind : MeanGuidance.Kind.values()) {
        Prediction shifted = kind.shifted(new Prediction(output, x), delta, run, step);
        Tensor moved = run.predictX0(shifted.modelOutput(), shifted.x(), step);
        assertThat(moved).isWithin(1e-4).of(x0.add(delta));
        Tensor noise = noise(run.alphaCumprod(step), shifted.x(), moved);
        Tensor before = noise(run.alphaCumprod(step), x, x0);
        if (kind == MeanGuidance.Kind.TFG) {
          assertThat(noise).isWithin(1e-4).of(before);
          double next = run.alphaCumprod(new Step(5, 10, 400));
          assertThat(run.step(shifted.modelOutput(), shifted.x(), step))
              .isWithin(1e-4)
              .of(run.step(output, x, step).add(delta.mul(Math.sqrt(next))));
        } else {
          assertThat(shifted.x()).isIdenticalTo(x);
        }
      }
    }
  }

  private static Tensor noise(double alphaCumprod, Tensor x, Tensor x0) {
    return x.sub(x0.mul(Math.sqrt(alphaCumprod))).div(Math.sqrt(1 - alphaCumprod));
  }

  @ParameterizedTest
  @EnumSource(MeanGuidance.Kind.class)
  void descentOnThePredictedPictureBringsItNearer(MeanGuidance.Kind kind) {
    assertThat(distance(COLOR.withMeanGuidance(new MeanGuidance(kind, 3, 5))))
        .isLessThan(0.9 * distance(COLOR));
  }

  @Test
  void timeTravelKeepsTheNoiseLevel() {
    List<Double> deviations = new ArrayList<>();
    Guide watching =
        (x0, at) -> {
          deviations.add(at.x().square().mean().sqrt().item());
          return x0.mean();
        };
    Guidance still =
        Guidance.of(List.of(ScheduledGuide.of("still", watching, 0)), GradientMode.SHORTCUT)
            .withRecurrence(4);
    try (Scope scope = Scope.open()) {
      SteeredSampling.tiny(still).by("ddim", 4).count(4).run();
    }
    assertThat(deviations).hasSize(16);
    for (int step = 0; step < 2; step++) { // while it is noise more than picture
      for (int again = 1; again < 4; again++) {
        assertThat(deviations.get(4 * step + again)).isWithin(0.1).of(1);
      }
    }
  }

  private static double distance(Guidance guidance) {
    try (Scope scope = Scope.open()) {
      Tensor images = SteeredSampling.tiny(guidance).by("ddim", 10).count(2).run();
      return TEAL.loss(images.clamp(-1, 1), null).item();
    }
  }

  // ---- inpainting

  @ParameterizedTest
  @ValueSource(ints = {1, 3})
  void knownPixelsAreKeptExactly(int recurrence) {
    long before = Scope.liveTensors();
    try (Scope scope = Scope.open();
        Rng random = new Rng(9)) {
      Tensor picture = random.uniform(1, 3, 16, 16).mul(2).sub(1);
      Guidance guidance =
          COLOR.withRecurrence(recurrence).withInpainting(new Inpainting(picture, rightHalf()));
      Tensor images = SteeredSampling.tiny(guidance).count(2).by("ddpm", 10).run();
      for (int i = 0; i < 2; i++) {
        Tensor image = images.narrow(0, i, 1);
        assertThat(image.narrow(3, 0, 8).contiguous())
            .isIdenticalTo(picture.narrow(3, 0, 8).contiguous());
        double drawn = image.narrow(3, 8, 8).sub(picture.narrow(3, 8, 8)).abs().mean().item();
        assertThat(drawn).isGreaterThan(0.1);
      }
    }
    assertThat(Scope.liveTensors()).isEqualTo(before);
  }

  @Test
  void theNetworkSeesTheKnownPixelsWithNoise() {
    List<Double> left = new ArrayList<>();
    Guide watching =
        (x0, at) -> {
          left.add(at.x().narrow(3, 0, 8).mean().item() / Math.sqrt(at.alphaCumprod()));
          return x0.mean();
        };
    try (Scope scope = Scope.open()) {
      Tensor white = Tensor.full(1, 1, 3, 16, 16);
      Guidance guidance =
          Guidance.of(List.of(ScheduledGuide.of("watch", watching, 0)), GradientMode.SHORTCUT)
              .withInpainting(new Inpainting(white, rightHalf()));
      SteeredSampling.tiny(guidance).count(4).run();
    }
    assertThat(left.get(left.size() - 1)).isWithin(0.05).of(1);
    assertThat(left.get(left.size() - 2)).isWithin(0.1).of(1);
  }

  @Test
  void picturesAndMasksOfOtherSizesAreRefused() {
    try (Scope scope = Scope.open()) {
      Tensor picture = Tensor.zeros(1, 3, 8, 16);
      SfumatoException e =
          assertThrows(SfumatoException.class, () -> new Inpainting(picture, rightHalf()));
      assertThat(e)
          .hasMessageThat()
          .isEqualTo("the mask is 16 x 16 pixels, but the picture 16 x 8");
      Guidance guidance =
          Guidance.NONE.withInpainting(new Inpainting(Tensor.zeros(1, 1, 16, 16), rightHalf()));
      e = assertThrows(SfumatoException.class, () -> SteeredSampling.tiny(guidance).run());
      assertThat(e).hasMessageThat().contains("1 x 16 x 16, but the model draws 3 x 16 x 16");
    }
  }

  private static Tensor rightHalf() {
    return Tensor.linspace(1, 0, 16).reshape(1, 1, 1, 16).expand(1, 1, 16, 16).lessThan(0.5);
  }
}
