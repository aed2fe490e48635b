package dev.sfumato.guidance;

import static com.google.common.truth.Truth.assertThat;
import static com.google.common.truth.Truth.assertWithMessage;
import static dev.sfumato.tensor.TensorSubject.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.fasterxml.jackson.databind.JsonNode;
import dev.sfumato.SfumatoException;
import dev.sfumato.guidance.SteeredSampling.Case;
import dev.sfumato.scheduler.SchedulerKind;
import dev.sfumato.scheduler.Step;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Steered pictures against those of the course's loop in Python, and what the engine promises. */
class GuidanceTest {
  private static final Guide BRIGHT = (predictedX0, at) -> predictedX0.sub(1).abs().mean();

  static Stream<String> cases() {
    return Case.names();
  }

  @ParameterizedTest
  @MethodSource("cases")
  void picturesAndLossesAreThoseOfPython(String name) {
    Case golden = new Case(name);
    List<Prediction> predictions = new ArrayList<>();
    try (Scope scope = Scope.open()) {
      Tensor images = golden.sampling().listeningTo(predictions::add).run();
      assertThat(images).isWithin(1e-3).relativeToScale().of(golden.images());
    }
    assertThat(predictions).hasSize(golden.trace().size());
    for (int i = 0; i < predictions.size(); i++) {
      JsonNode expected = golden.trace().get(i);
      double norm = expected.get("gradient_norm").doubleValue();
      assertThat(predictions.get(i).gradientNorm()).isWithin(1e-3 + 1e-2 * norm).of(norm);
      JsonNode losses = expected.get("losses");
      assertThat(predictions.get(i).losses()).hasSize(losses.size());
      predictions
          .get(i)
          .losses()
          .forEach(
              (guide, loss) ->
                  assertWithMessage(guide)
                      .that(loss)
                      .isWithin(1e-3 * Math.max(1, loss))
                      .of(losses.get(guide).doubleValue()));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"ddim_exact", "eta", "v_prediction_exact", "class_guided"})
  void batchSlicesDoNotMatter(String name) {
    try (Scope scope = Scope.open()) {
      Tensor oneByOne = new Case(name).sampling().inSlicesOf(1).run();
      assertThat(oneByOne).isWithin(1e-3).of(new Case(name).images());
    }
  }

  /** TCD limits no x_0: a model that was not distilled for it draws far out of range. */
  @ParameterizedTest
  @EnumSource(value = SchedulerKind.class, mode = EnumSource.Mode.EXCLUDE, names = "TCD")
  void everySchedulerCanBeSteered(SchedulerKind kind) {
    for (GradientMode mode : GradientMode.values()) {
      assertWithMessage(mode.toString())
          .that(distanceToTeal(kind, mode, 40))
          .isLessThan(distanceToTeal(kind, mode, -40));
    }
  }

  private static double distanceToTeal(SchedulerKind kind, GradientMode mode, double scale) {
    Guide teal = new ColorGuide(0.1, 0.9, 0.5);
    Guidance guidance =
        Guidance.of(List.of(ScheduledGuide.of("color", teal, scale)), mode)
            .withMeanGuidance(new MeanGuidance(MeanGuidance.Kind.TFG, 1, 5));
    long before = Scope.liveTensors();
    double distance;
    try (Scope scope = Scope.open()) {
      Tensor images = SteeredSampling.tiny(guidance).by(kind.toString(), 10).run();
      distance = teal.loss(images.clamp(-1, 1), null).item();
    }
    assertThat(Scope.liveTensors()).isEqualTo(before);
    return distance;
  }

  @ParameterizedTest
  @EnumSource(GradientMode.class)
  void nothingButThePicturesStaysAlive(GradientMode mode) {
    long before = Scope.liveTensors();
    try (Scope scope = Scope.open()) {
      SteeredSampling.tiny(guidance(mode, BRIGHT).withRecurrence(2)).inSlicesOf(1).run();
      assertThat(Scope.liveTensors()).isEqualTo(before + 1);
    }
    assertThat(Scope.liveTensors()).isEqualTo(before);
  }

  @ParameterizedTest
  @EnumSource(GradientMode.class)
  void aFailingGuideFreesEverything(GradientMode mode) {
    long before = Scope.liveTensors();
    Guide failing =
        (predictedX0, at) -> {
          predictedX0.mul(2);
          throw new IllegalStateException();
        };
    assertThrows(
        IllegalStateException.class, () -> SteeredSampling.tiny(guidance(mode, failing)).run());
    assertThat(Scope.liveTensors()).isEqualTo(before);
  }

  @Test
  void eachStepFreesWhatItMade() {
    List<Long> alive = new ArrayList<>();
    Guide counting =
        (predictedX0, at) -> {
          alive.add(Scope.liveTensors());
          return predictedX0.mean();
        };
    try (Scope scope = Scope.open()) {
      SteeredSampling.tiny(guidance(GradientMode.EXACT, counting)).run();
    }
    assertThat(alive.stream().distinct().count()).isEqualTo(1);
  }

  @Test
  void aLossThatIsNoScalarIsSaidSo() {
    fails((x0, at) -> null, "guide test: its loss is null: return one number");
    fails((x0, at) -> x0.abs(), "guide test: the loss must be one number, not of shape [1, 3, 16,");
  }

  @Test
  void aLossWithoutGradientIsSaidSo() {
    fails((x0, at) -> Tensor.scalar(1), "guide test: the loss has no gradient");
    fails((x0, at) -> x0.detach().mean(), "guide test: the loss has no gradient");
  }

  @Test
  void aNetworkThatPredictsThePictureHasNoShortcut() {
    SfumatoException e =
        assertThrows(
            SfumatoException.class,
            () ->
                SteeredSampling.tiny(guidance(GradientMode.SHORTCUT, BRIGHT))
                    .with("prediction_type", "sample")
                    .run());
    assertThat(e).hasMessageThat().contains("use exact");
  }

  private static void fails(Guide guide, String message) {
    long before = Scope.liveTensors();
    SfumatoException e =
        assertThrows(
            SfumatoException.class,
            () -> SteeredSampling.tiny(guidance(GradientMode.EXACT, guide)).run());
    assertThat(e).hasMessageThat().contains(message);
    assertThat(Scope.liveTensors()).isEqualTo(before);
  }

  @Test
  void aGradientThatIsNoNumberSkipsItsStepOnly() {
    List<Prediction> predictions = new ArrayList<>();
    try (Scope scope = Scope.open()) {
      Tensor images =
          SteeredSampling.tiny(guidance(GradientMode.SHORTCUT, brightBut(Float.NaN)))
              .listeningTo(predictions::add)
              .run();
      Tensor unguided = SteeredSampling.tiny(guidance(GradientMode.SHORTCUT, brightBut(0))).run();
      assertThat(images).isIdenticalTo(unguided);
    }
    assertThat(predictions.get(1).warning()).isEmpty();
    assertThat(predictions.get(2).warning().get()).contains("3 of 5");
    assertThat(predictions.get(2).warning().get()).contains("the step goes unguided");
    assertThat(predictions.get(2).gradientNorm()).isNaN();
    assertThat(predictions.get(3).gradientNorm()).isGreaterThan(0);
  }

  /** {@link #BRIGHT}, but for its gradient in the third step. */
  private static Guide brightBut(double gradient) {
    return (x0, at) -> at.step().index() == 2 ? x0.mul(gradient).mean() : BRIGHT.loss(x0, at);
  }

  @Test
  void aGuideOfScaleZeroChangesNothing() {
    try (Scope scope = Scope.open()) {
      Guidance none = Guidance.of(List.of(ScheduledGuide.of("a", BRIGHT, 0)), GradientMode.EXACT);
      assertThat(SteeredSampling.tiny(none).run())
          .isIdenticalTo(SteeredSampling.tiny(Guidance.NONE).run());
    }
  }

  @Test
  void guidesOfOneMomentShareWhatTheyCompute() {
    int[] computed = {0};
    Guide shared =
        (x0, at) ->
            at.once(
                    "cuts",
                    () -> {
                      computed[0]++;
                      return x0.mul(2);
                    })
                .mean();
    Guidance two =
        Guidance.of(
            List.of(ScheduledGuide.of("a", shared, 1), ScheduledGuide.of("b", shared, 2)),
            GradientMode.EXACT);
    List<Step> steps = new ArrayList<>();
    try (Scope scope = Scope.open()) {
      SteeredSampling.tiny(two).listeningToSteps(steps::add).run();
    }
    assertThat(computed[0]).isEqualTo(steps.size());
  }

  private static Guidance guidance(GradientMode mode, Guide guide) {
    return Guidance.of(List.of(ScheduledGuide.of("test", guide, 5)), mode);
  }
}
