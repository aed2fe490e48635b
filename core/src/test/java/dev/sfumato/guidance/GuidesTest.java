package dev.sfumato.guidance;

import static com.google.common.truth.Truth.assertThat;
import static com.google.common.truth.Truth.assertWithMessage;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.sfumato.SfumatoException;
import dev.sfumato.scheduler.RunOptions;
import dev.sfumato.scheduler.Scheduler;
import dev.sfumato.scheduler.SchedulerConfig;
import dev.sfumato.scheduler.Step;
import dev.sfumato.tensor.Functional;
import dev.sfumato.tensor.Rng;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.ToDoubleFunction;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Each guide does what it says, on numbers made by hand and on sampled pictures. */
class GuidesTest {
  @TempDir Path folder;

  // ---- what a loss is

  @ParameterizedTest
  @CsvSource({"#1ae680", "0.10196079,0.9019608,0.5019608"})
  void aColourIsReadInTwoWays(String text) {
    ColorGuide guide = ColorGuide.parse(text.contains(",") ? text : "#1AE680");
    assertThat(guide.red()).isWithin(1e-6).of(26 / 255.0);
    assertThat(guide.green()).isWithin(1e-6).of(230 / 255.0);
    assertThat(guide.blue()).isWithin(1e-6).of(128 / 255.0);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "reddish",
        "#12345",
        "#1234567",
        "#gggggg",
        "1,2",
        "0,0,1.5",
        "-0.1,0,0",
        "NaN,0,0",
        ""
      })
  void aWrongColourIsRefused(String text) {
    assertThrows(SfumatoException.class, () -> ColorGuide.parse(text));
  }

  @Test
  void lossesAreWhatTheirDefinitionsSay() {
    // left half black, right half (1, 0, 1) in [0, 1]
    float[] values = new float[3 * 2 * 4];
    for (int i = 0; i < values.length; i++) {
      values[i] = i % 4 < 2 || i / 8 == 1 ? -1 : 1;
    }
    assertThat(loss(new ColorGuide(0, 0, 0), values)).isWithin(1e-6).of(2 * 2 / 6.0);
    double brightness = (0.299 + 0.114) / 2; // in [0, 1]
    assertThat(loss(new BrightnessGuide(1), values)).isWithin(1e-6).of(2 * (1 - brightness));
    double contrast = Math.sqrt(8 / 7.0) * (0.299 + 0.114) / 2;
    assertThat(loss(new ContrastGuide(0), values)).isWithin(1e-6).of(contrast);
    assertThat(loss(new SaturationGuide(1), values)).isWithin(1e-6).of(0.5);
    assertThat(loss(SymmetryGuide.parse("horizontal"), values)).isWithin(1e-6).of(4 / 3.0);
    assertThat(loss(SymmetryGuide.parse("vertical"), values)).isEqualTo(0);
    // one edge of 2, in 2 rows of 2 channels
    assertThat(loss(new TotalVariationGuide(), values)).isWithin(1e-6).of(16 / 24.0);
    assertThat(loss(new RangeGuide(), values)).isEqualTo(0);
    values[0] = 3;
    assertThat(loss(new RangeGuide(), values)).isWithin(1e-6).of(4 / 24.0);
    assertThat(loss(new ClassGuide(x -> x.mean(false, 2, 3), 1), values))
        .isWithin(1e-6)
        .of(1 + Math.log(Math.exp(0.5) + Math.exp(-1) + 1)); // means 0.5, -1 and 0
  }

  private static double loss(Guide guide, float[] values) {
    try (Scope scope = Scope.open()) {
      return guide.loss(Tensor.of(values, 1, 3, 2, 4), null).item();
    }
  }

  @Test
  void aReferenceThroughALowPassLeavesDetailFree() {
    try (Scope scope = Scope.open()) {
      Tensor flat = Tensor.zeros(1, 1, 2, 2);
      Tensor detail = Tensor.of(new float[] {1, -1, -1, 1}, 1, 1, 2, 2);
      assertThat(new ReferenceGuide(flat, 1).loss(detail, null).item()).isEqualTo(1);
      assertThat(new ReferenceGuide(flat, 2).loss(detail, null).item()).isEqualTo(0);
      SfumatoException e =
          assertThrows(
              SfumatoException.class,
              () -> new ReferenceGuide(flat, 1).loss(Tensor.zeros(1, 1, 4, 4), null));
      assertThat(e).hasMessageThat().contains("[1, 1, 2, 2]");
    }
  }

  @Test
  void smoothingLooksAround() {
    Guide square = (x0, at) -> x0.square().mean();
    try (Scope scope = Scope.open();
        Rng random = new Rng(1)) {
      Moment at = moment(random);
      Tensor x0 = Tensor.full(0.5, 1, 3, 32, 32);
      assertThat(new SmoothedGuide(square, 3, 0).loss(x0, at).item()).isWithin(1e-6).of(0.25);
      double variance = 1 - at.alphaCumprod();
      assertThat(new SmoothedGuide(square, 8, 1).loss(x0, at).item())
          .isWithin(0.05)
          .of(0.25 + variance);
    }
  }

  private static Moment moment(Rng random) {
    var run = Scheduler.of(SchedulerConfig.ddpmDefaults()).begin(10, RunOptions.defaults(), random);
    Step step = run.iterator().next();
    return new Moment(run, step, Tensor.zeros(1, 3, 32, 32), random);
  }

  // ---- what a guide does

  static Stream<Arguments> guides() {
    return Stream.of(
        Arguments.of(new ColorGuide(0.1, 0.9, 0.5), loss(new ColorGuide(0.1, 0.9, 0.5))),
        Arguments.of(new BrightnessGuide(0.9), loss(new BrightnessGuide(0.9))),
        Arguments.of(new BrightnessGuide(0.1), loss(new BrightnessGuide(0.1))),
        Arguments.of(new ContrastGuide(0.05), loss(new ContrastGuide(0.05))),
        Arguments.of(new SaturationGuide(0.05), loss(new SaturationGuide(0.05))),
        Arguments.of(SymmetryGuide.parse("horizontal"), loss(SymmetryGuide.parse("horizontal"))),
        Arguments.of(SymmetryGuide.parse("vertical"), loss(SymmetryGuide.parse("vertical"))),
        Arguments.of(new TotalVariationGuide(), loss(new TotalVariationGuide())),
        Arguments.of(new ClassGuide(GuidesTest::quadrants, 2), loss(brightQuadrant())));
  }

  /** A classifier that says which quarter is the brightest. */
  private static Tensor quadrants(Tensor pictures) {
    return Functional.avgPool2d(pictures.mean(true, 1), 8).reshape(pictures.size(0), 4).mul(10);
  }

  private static Guide brightQuadrant() {
    return (x, at) -> x.narrow(2, 8, 8).narrow(3, 0, 8).mean().neg().add(1);
  }

  private static ToDoubleFunction<Tensor> loss(Guide guide) {
    return images -> guide.loss(images.clamp(-1, 1), null).item();
  }

  @ParameterizedTest
  @MethodSource("guides")
  void sampledPicturesComeNearer(Guide guide, ToDoubleFunction<Tensor> distance) {
    try (Scope scope = Scope.open()) {
      Guidance guidance =
          Guidance.of(List.of(ScheduledGuide.of("guide", guide, 300)), GradientMode.EXACT)
              .withClamp(GradientClamp.parse("0.1"));
      double without = distance.applyAsDouble(sampling(Guidance.NONE).run());
      double with = distance.applyAsDouble(sampling(guidance).run());
      assertWithMessage("from " + without).that(with).isLessThan(0.7 * without);
    }
  }

  private static SteeredSampling sampling(Guidance guidance) {
    return SteeredSampling.tiny(guidance).by("ddim", 10).count(2);
  }

  // ---- schedules

  @Test
  void schedulesAreWhatTheyAreCalled() throws IOException {
    Path file = Files.writeString(folder.resolve("weights.txt"), "1, 0.5\n-2 3e1\n0");
    try (Rng random = new Rng(0)) {
      var run =
          Scheduler.of(SchedulerConfig.ddpmDefaults()).begin(5, RunOptions.defaults(), random);
      List<Double> fromFile = List.of(1.0, 0.5, -2.0, 30.0, 0.0);
      for (Step step : run) {
        int i = step.index();
        assertThat(GuideSchedule.CONSTANT.weight(run, step)).isEqualTo(1);
        assertThat(GuideSchedule.LINEAR_UP.weight(run, step)).isWithin(1e-12).of(i / 4.0);
        assertThat(GuideSchedule.LINEAR_DOWN.weight(run, step)).isWithin(1e-12).of(1 - i / 4.0);
        assertThat(GuideSchedule.parse("sqrt_one_minus_alpha_cumprod").weight(run, step))
            .isWithin(1e-12)
            .of(Math.sqrt(1 - run.alphaCumprod(step)));
        double sigma = Math.sqrt(1 - run.alphaCumprod(step)) / Math.sqrt(run.alphaCumprod(step));
        assertThat(GuideSchedule.parse("sigma_squared").weight(run, step))
            .isWithin(1e-9)
            .of(sigma * sigma);
        assertThat(GuideSchedule.parse(file.toString()).weight(run, step))
            .isEqualTo(fromFile.get(i));
      }
    }
  }

  @Test
  void aScheduleThatDoesNotFitIsSaidSo() throws IOException {
    Path three = Files.writeString(folder.resolve("three"), "1 2 3");
    Path words = Files.writeString(folder.resolve("words"), "1 two 3");
    ScheduledGuide guide =
        new ScheduledGuide(
            "tv",
            new TotalVariationGuide(),
            new GuideWeight(1, GuideSchedule.parse(three.toString()), 0, 1, 1));
    SfumatoException e =
        assertThrows(
            SfumatoException.class,
            () -> SteeredSampling.tiny(Guidance.of(List.of(guide), GradientMode.SHORTCUT)).run());
    assertThat(e).hasMessageThat().contains("three: holds 3 numbers, but the sampling has 5 steps");
    e = assertThrows(SfumatoException.class, () -> GuideSchedule.parse(words.toString()));
    assertThat(e).hasMessageThat().contains("words: 'two' is not a number");
    e = assertThrows(SfumatoException.class, () -> GuideSchedule.parse("cosine"));
    assertThat(e).hasMessageThat().contains("schedule 'cosine' is unknown");
  }
}
