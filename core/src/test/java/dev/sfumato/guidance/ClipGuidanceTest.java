package dev.sfumato.guidance;

import static com.google.common.truth.Truth.assertThat;
import static dev.sfumato.tensor.TensorSubject.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.fasterxml.jackson.databind.JsonNode;
import dev.sfumato.SfumatoException;
import dev.sfumato.clip.ClipModel;
import dev.sfumato.picture.Pixels;
import dev.sfumato.scheduler.RunOptions;
import dev.sfumato.scheduler.Scheduler;
import dev.sfumato.scheduler.SchedulerConfig;
import dev.sfumato.scheduler.Step;
import dev.sfumato.tensor.Autograd;
import dev.sfumato.tensor.Golden;
import dev.sfumato.tensor.Rng;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalDouble;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** CLIP guidance against the course's loop in Python, and what goes beyond the course. */
class ClipGuidanceTest {
  private static final Golden GOLDEN = Golden.read("guidance/clip_images");
  private static final Cutouts COURSE = new CourseCutouts(2);

  private long before;
  private Scope scope;
  private ClipModel clip;

  @BeforeEach
  void load() {
    before = Scope.liveTensors();
    scope = Scope.open();
    clip = ClipModel.load(Golden.path("guidance/clip"));
  }

  @AfterEach
  void nothingStaysAlive() {
    clip.close();
    scope.close();
    assertThat(Scope.liveTensors()).isEqualTo(before);
  }

  private static Stream<JsonNode> documents(String key) {
    return StreamSupport.stream(GOLDEN.document().get(key).spliterator(), false);
  }

  private static Stream<String> cases() {
    return documents("cases").map(c -> c.get("name").textValue());
  }

  private static Stream<String> crops() {
    return documents("crops").map(c -> c.get("name").textValue());
  }

  private static JsonNode golden(String key, String name) {
    return documents(key).filter(c -> c.get("name").textValue().equals(name)).findFirst().get();
  }

  // ---- as the course

  @ParameterizedTest
  @MethodSource("cases")
  void picturesAndLossesAreThoseOfPython(String name) {
    JsonNode golden = golden("cases", name);
    JsonNode options = golden.get("options");
    List<Prediction> predictions = new ArrayList<>();
    Tensor images =
        SteeredSampling.of(options, guidance(options)).listeningTo(predictions::add).run();
    assertThat(images).isWithin(1e-3).relativeToScale().of(GOLDEN.tensor(name));
    assertThat(predictions).hasSize(golden.get("trace").size());
    for (int i = 0; i < predictions.size(); i++) {
      JsonNode expected = golden.get("trace").get(i);
      assertThat(predictions.get(i).losses().get("clip"))
          .isWithin(1e-3)
          .of(expected.get("loss").doubleValue());
      double norm = expected.get("gradient_norm").doubleValue();
      assertThat(predictions.get(i).gradientNorm()).isWithin(1e-3 + 1e-2 * norm).of(norm);
    }
  }

  private Guidance guidance(JsonNode options) {
    String prompts =
        StreamSupport.stream(options.get("prompts").spliterator(), false)
            .map(p -> p.get(0).textValue() + ":" + p.get(1))
            .collect(Collectors.joining("|"));
    List<Double> schedule = new ArrayList<>();
    options.get("schedule").forEach(weight -> schedule.add(weight.doubleValue()));
    ScheduledGuide guide =
        new ScheduledGuide(
            "clip",
            new ClipGuide(
                clip,
                new CourseCutouts(options.get("cuts").intValue()),
                ClipPrompts.ofTexts(clip, prompts)),
            new GuideWeight(
                options.get("scale").doubleValue(), GuideSchedule.of(schedule, "golden"), 0, 1, 1));
    return Guidance.of(List.of(guide), GradientMode.parse(options.get("gradient").textValue()));
  }

  @ParameterizedTest
  @MethodSource("crops")
  void cutsAreThoseOfTorchvision(String name) {
    JsonNode golden = golden("crops", name);
    int side = golden.get("side").intValue();
    try (Rng pixels = new Rng(golden.get("seed").longValue());
        Rng random = new Rng(100 + golden.get("seed").longValue())) {
      Tensor pictures =
          pixels
              .normal(2, 3, golden.get("height").intValue(), golden.get("width").intValue())
              .requiresGrad(true);
      Tensor cuts = new CourseCutouts(5).of(pictures, side, moment(random, 0));
      assertThat(cuts).isWithin(1e-5).of(GOLDEN.tensor(name + ".cuts"));
      Tensor weights = Tensor.linspace(-1, 1, cuts.numel()).reshape(cuts.shape());
      assertThat(Autograd.gradient(cuts.mul(weights).sum(), pictures))
          .isWithin(1e-4)
          .of(GOLDEN.tensor(name + ".gradient"));
    }
  }

  private static Moment moment(Rng random, int index) {
    var run = Scheduler.of(SchedulerConfig.ddpmDefaults()).begin(5, RunOptions.defaults(), random);
    for (Step step : run) {
      if (step.index() == index) {
        return new Moment(run, step, Tensor.zeros(1, 3, 16, 16), random);
      }
    }
    throw new AssertionError(index);
  }

  // ---- beyond it

  @Test
  void overviewsShowTheWholePicturePlainMirroredAndGray() {
    try (Rng random = new Rng(0)) {
      Tensor pictures = random.normal(2, 3, 8, 8);
      Tensor cuts = new PowerLawCutouts(5, 1, 1, 1).of(pictures, 8, moment(random, 0));
      Tensor plain = pictures.add(1).div(2);
      assertThat(cuts.narrow(0, 0, 2)).isWithin(1e-6).of(plain);
      assertThat(cuts.narrow(0, 2, 2)).isWithin(1e-6).of(plain.flip(3));
      Tensor gray = cuts.narrow(0, 4, 2);
      assertThat(gray.select(1, 0)).isWithin(1e-6).of(gray.select(1, 2));
      assertThat(cuts.narrow(0, 6, 2)).isWithin(1e-6).of(gray.flip(3));
      assertThat(cuts.narrow(0, 8, 2)).isWithin(1e-6).of(plain);
    }
  }

  @Test
  void overviewsOfOblongPicturesHaveBlackBorders() {
    try (Rng random = new Rng(0)) {
      Tensor cuts =
          new PowerLawCutouts(1, 1, 1, 1).of(Tensor.full(1, 1, 3, 4, 8), 8, moment(random, 0));
      assertThat(cuts.narrow(2, 2, 4)).isWithin(1e-6).of(Tensor.full(1, 1, 3, 4, 8));
      assertThat(cuts.abs().sum().item()).isWithin(1e-3).of(3 * 4 * 8);
    }
  }

  @Test
  void theShareOfOverviewsChangesEvenly() {
    try (Rng random = new Rng(0)) {
      Tensor ramp = Tensor.linspace(-1, 1, 64).reshape(1, 1, 1, 64).expand(1, 3, 64, 64);
      Cutouts cutouts = new PowerLawCutouts(8, 1, 0.75, 0.25);
      for (int index = 0; index < 5; index++) {
        Tensor cuts = cutouts.of(ramp, 8, moment(random, index));
        int whole = 0;
        for (int i = 0; i < 8; i++) {
          Tensor cut = cuts.narrow(0, i, 1);
          whole += cut.max().item() - cut.min().item() > 0.85 ? 1 : 0;
        }
        assertThat(whole).isEqualTo(6 - index);
      }
    }
  }

  /** On a ramp from 0 to 1 the range of a cut is its share of the picture. */
  @ParameterizedTest
  @ValueSource(doubles = {0.5, 1, 3})
  void sizesFollowThePowerLaw(double power) {
    try (Rng random = new Rng(0)) {
      Tensor ramp = Tensor.linspace(-1, 1, 256).reshape(1, 1, 1, 256).expand(1, 1, 256, 256);
      Tensor cuts = new PowerLawCutouts(200, power, 0, 0).of(ramp, 32, moment(random, 0));
      double sum = 0;
      for (int i = 0; i < 200; i++) {
        Tensor cut = cuts.narrow(0, i, 1);
        double share = (cut.max().item() - cut.min().item()) * 32 / 31;
        assertThat(share).isAtLeast(0.12);
        sum += share;
      }
      double mean = 1 / (1 + power); // of u^power
      assertThat(sum / 200).isWithin(0.06).of(0.125 + 0.875 * mean);
    }
  }

  @Test
  void guidesOfOneModelShareTheirCutsInOnePass() {
    try (Rng random = new Rng(0)) {
      Tensor pictures = random.normal(1, 3, 16, 16);
      ClipGuide rose = new ClipGuide(clip, COURSE, ClipPrompts.ofTexts(clip, "a red rose"));
      ClipGuide sea =
          new ClipGuide(clip, new CourseCutouts(2), ClipPrompts.ofTexts(clip, "the sea"));
      ClipGuide both = new ClipGuide(clip, COURSE, ClipPrompts.ofTexts(clip, "a red rose|the sea"));
      Moment at = moment(random, 0);
      double apart = rose.loss(pictures, at).item();
      Tensor state = random.state();
      apart += sea.loss(pictures, at).item();
      assertThat(random.state()).isIdenticalTo(state); // no second cuts
      assertThat(both.loss(pictures, at).item()).isWithin(1e-6).of(apart / 2);
    }
  }

  @Test
  void weightsAreSharesOfTheirMagnitudes() {
    try (Rng random = new Rng(0)) {
      Tensor pictures = random.normal(1, 3, 16, 16);
      Moment at = moment(random, 0);
      double rose = loss("a red rose", pictures, at);
      double sea = loss("the sea", pictures, at);
      assertThat(loss("a red rose:3|the sea:-1", pictures, at))
          .isWithin(1e-6)
          .of((3 * rose - sea) / 4);
      assertThat(loss("the sea:2", pictures, at)).isWithin(1e-6).of(sea);
      assertThat(loss("the sea:-.5", pictures, at)).isWithin(1e-6).of(-sea);
    }
  }

  private double loss(String prompts, Tensor pictures, Moment at) {
    return new ClipGuide(clip, COURSE, ClipPrompts.ofTexts(clip, prompts))
        .loss(pictures, at)
        .item();
  }

  @Test
  void withATemperaturePromptsCompete() {
    try (Rng random = new Rng(0)) {
      Tensor pictures = random.normal(1, 3, 16, 16);
      Moment at = moment(random, 0);
      double rose = competing("a red rose|the sea:0", 0.01).loss(pictures, at).item();
      double sea = competing("a red rose:-1|the sea", 0.01).loss(pictures, at).item();
      assertThat(Math.min(rose, sea)).isLessThan(Math.log(2));
      assertThat(Math.max(rose, sea)).isGreaterThan(Math.log(2));
      double hot = competing("a red rose|the sea:-1", 1e6).loss(pictures, at).item();
      assertThat(hot).isWithin(1e-5).of(Math.log(2));
    }
    for (String one : new String[] {"a red rose", "a red rose:-1|the sea:-2"}) {
      refuses("prompts compete", () -> competing(one, 1));
    }
    refuses("temperature must be above 0", () -> competing("a|b", 0));
  }

  private ClipGuide competing(String prompts, double temperature) {
    return new ClipGuide(
        clip, COURSE, ClipPrompts.ofTexts(clip, prompts), OptionalDouble.of(temperature));
  }

  @Test
  void aPictureIsNearestToItself() {
    Pixels picture = picture(5);
    Tensor itself = Tensor.of(picture.signed(), 1, 3, 12, 12);
    Tensor other = Tensor.of(picture(8).signed(), 1, 3, 12, 12);
    Cutouts whole = new PowerLawCutouts(1, 1, 1, 1);
    try (Rng random = new Rng(0)) {
      for (List<Integer> layers : List.of(List.<Integer>of(), List.of(0, -1))) {
        ClipGuide guide = new ClipGuide(clip, whole, ClipPrompts.ofPicture(clip, picture, layers));
        assertThat(guide.loss(itself, moment(random, 0)).item()).isWithin(1e-4).of(0);
        assertThat(guide.loss(other, moment(random, 0)).item()).isGreaterThan(1e-3);
      }
    }
    refuses("layer 2 does not exist", () -> ClipPrompts.ofPicture(clip, picture, List.of(2)));
  }

  private static Pixels picture(int factor) {
    byte[] values = new byte[3 * 12 * 12];
    for (int i = 0; i < values.length; i++) {
      values[i] = (byte) (i * factor);
    }
    return new Pixels(3, 12, 12, values);
  }

  @Test
  void layersLeadElsewhereThanFeaturesAlone() {
    Tensor pictures = Tensor.of(picture(8).signed(), 1, 3, 12, 12).requiresGrad(true);
    Cutouts whole = new PowerLawCutouts(2, 1, 1, 1);
    List<Tensor> gradients = new ArrayList<>();
    try (Rng random = new Rng(0)) {
      for (List<Integer> layers : List.of(List.<Integer>of(), List.of(0))) {
        ClipGuide guide =
            new ClipGuide(clip, whole, ClipPrompts.ofPicture(clip, picture(5), layers));
        Tensor loss = guide.loss(pictures, moment(random, 0));
        gradients.add(Autograd.gradient(loss, pictures));
      }
    }
    assertThat(gradients.get(0).norm().item()).isGreaterThan(0);
    assertThat(gradients.get(0).sub(gradients.get(1)).norm().item())
        .isGreaterThan(0.01 * gradients.get(0).norm().item());
  }

  @ParameterizedTest
  @ValueSource(strings = {"", " ", "a red rose|", ":2", "|"})
  void promptsWithoutWordsAreRefused(String prompts) {
    refuses("has no words", () -> ClipPrompts.ofTexts(clip, prompts));
  }

  @Test
  void whatCannotBeIsRefused() {
    refuses("a weight other than 0", () -> ClipPrompts.ofTexts(clip, "a:0|b:-0"));
    refuses("cuts must be at least 1", () -> new CourseCutouts(0));
    refuses("cuts must be at least 1", () -> new PowerLawCutouts(0, 1, 0, 0));
    refuses("cut-power must be above 0", () -> new PowerLawCutouts(1, 0, 0, 0));
    refuses("cut-overview must lie", () -> new PowerLawCutouts(1, 1, 0, 1.5));
    try (Rng random = new Rng(0)) {
      ClipGuide guide = new ClipGuide(clip, COURSE, ClipPrompts.ofTexts(clip, "a"));
      refuses(
          "not for 4 channels", () -> guide.loss(Tensor.zeros(1, 4, 16, 16), moment(random, 0)));
    }
  }

  private static void refuses(String words, Runnable call) {
    assertThat(assertThrows(SfumatoException.class, call::run)).hasMessageThat().contains(words);
  }
}
