package dev.sfumato.pipeline;

import static com.google.common.truth.Truth.assertThat;
import static dev.sfumato.tensor.TensorSubject.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.fasterxml.jackson.databind.JsonNode;
import dev.sfumato.SfumatoException;
import dev.sfumato.checkpoint.AutoencoderFile;
import dev.sfumato.guidance.GradientMode;
import dev.sfumato.guidance.Guidance;
import dev.sfumato.guidance.GuidanceRule;
import dev.sfumato.guidance.Guide;
import dev.sfumato.guidance.GuideSpec;
import dev.sfumato.guidance.Prediction;
import dev.sfumato.model.AutoencoderTiny;
import dev.sfumato.sampling.Sampler;
import dev.sfumato.sampling.SamplingOptions;
import dev.sfumato.sampling.TextOptions;
import dev.sfumato.scheduler.SchedulerKind;
import dev.sfumato.scheduler.Step;
import dev.sfumato.tensor.Golden;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Guided latents against the loops of {@code reference/latent_guidance.py}. */
class LatentGuidanceTest {
  private static final Golden GOLDEN = Golden.read("latent_guidance");
  private static final double TOLERANCE = 1e-3;
  private static final Guide BLUE =
      (pictures, at) -> pictures.select(1, 2).div(2).add(0.5 - 0.9).abs().mean();

  @TempDir static Path folder;

  @BeforeAll
  static void writeModels() {
    TinyStableDiffusion.write(folder.resolve("model"), "sd1");
    TinyStableDiffusion.writeTiny(folder.resolve("tiny"), GOLDEN.document().get("tiny"));
  }

  static Stream<String> cases() {
    return documents().map(c -> c.get("name").textValue());
  }

  private static Stream<JsonNode> documents() {
    return StreamSupport.stream(GOLDEN.document().get("cases").spliterator(), false);
  }

  private static JsonNode golden(String name) {
    return documents().filter(c -> c.get("name").textValue().equals(name)).findFirst().get();
  }

  private static SamplingOptions options(JsonNode o) {
    double scale = o.get("scale").doubleValue();
    SamplingOptions plain =
        SamplingOptions.defaults()
            .withText(TextOptions.of("a red rose").withGuidanceScale(o.get("cfg").doubleValue()))
            .withScheduler(SchedulerKind.parse(o.get("scheduler").textValue()))
            .withSteps(o.get("steps").intValue())
            .withSeed(o.get("seed").longValue())
            .withCount(o.get("count").intValue());
    if (!o.has("loss")) {
      return plain
          .withGuidance(
              Guidance.of(List.of(), GradientMode.EXACT).withRule(GuidanceRule.CLIP_GUIDED))
          .withGuide(clip(o.get("cuts").intValue()).with("scale", scale));
    }
    GuideSpec guide =
        o.get("loss").textValue().equals("blue")
            ? GuideSpec.of("blue", BLUE)
            : GuideSpec.parse("color=0.1,0.9,0.5");
    return plain
        .withGuidance(Guidance.of(List.of(), GradientMode.parse(o.get("gradient").textValue())))
        .withGuide(
            guide
                .with("scale", scale)
                .with("schedule", o.get("weights").textValue())
                .with("every", o.get("every").intValue()));
  }

  /** CLIP sees pooled cuts, or the whole picture. */
  private static GuideSpec clip(int cuts) {
    GuideSpec spec = GuideSpec.parse("clip=the sea").with("clip", Golden.path("guidance/clip"));
    return cuts > 0
        ? spec.with("cuts", cuts).with("cut-pool", 1)
        : spec.with("cuts", 1).with("cut-power", 1).with("cut-overview", 1);
  }

  @ParameterizedTest
  @MethodSource("cases")
  void picturesAndLossesAreThoseOfPython(String name) {
    JsonNode golden = golden(name);
    List<Map<String, Double>> losses = new ArrayList<>();
    long before = Scope.liveTensors();
    try (Scope scope = Scope.open();
        AutoencoderTiny tiny = AutoencoderFile.loadTiny(folder.resolve("tiny"));
        DiffusionPipeline pipeline = DiffusionPipeline.load(folder.resolve("model"))) {
      SamplingOptions options = options(golden.get("options"));
      if (golden.get("options").path("tiny").asBoolean()) {
        options = options.withGuidance(options.guidance().withDecoder(tiny));
      }
      Tensor pictures = pipeline.sample(options, listener(losses));
      assertThat(pictures).isWithin(TOLERANCE).of(GOLDEN.tensor(name));
      Tensor apart = pipeline.sample(options.withBatchSize(1), Sampler.Listener.NONE);
      assertThat(apart).isWithin(TOLERANCE).of(pictures);
    }
    assertThat(Scope.liveTensors()).isEqualTo(before);
    JsonNode trace = golden.get("trace");
    losses.removeIf(Map::isEmpty);
    for (int i = 0; i < trace.size(); i++) {
      double loss = losses.get(i).values().iterator().next();
      assertThat(loss).isWithin(1e-4).of(trace.get(i).doubleValue());
    }
  }

  private static Sampler.Listener listener(List<Map<String, Double>> losses) {
    return new Sampler.Listener() {
      @Override
      public void onStep(Step step, Tensor x) {}

      @Override
      public void onPrediction(Step step, Prediction prediction) {
        losses.add(prediction.losses());
      }
    };
  }

  @ParameterizedTest
  @ValueSource(strings = {"course_exact", "tiny_exact", "cuts_pndm"})
  void checkpointingChangesNoPicture(String name) {
    JsonNode golden = golden(name);
    try (Scope scope = Scope.open();
        AutoencoderTiny tiny = AutoencoderFile.loadTiny(folder.resolve("tiny"));
        DiffusionPipeline pipeline = DiffusionPipeline.load(folder.resolve("model"))) {
      SamplingOptions options = options(golden.get("options"));
      if (golden.get("options").path("tiny").asBoolean()) {
        options = options.withGuidance(options.guidance().withDecoder(tiny));
      }
      tiny.checkpointing(true);
      pipeline.checkpointing(true);
      Tensor pictures = pipeline.sample(options, Sampler.Listener.NONE);
      assertThat(pictures).isWithin(TOLERANCE).of(GOLDEN.tensor(name));
    }
  }

  @Test
  void aDecoderOfAnotherModelIsRefused() {
    SamplingOptions options = SamplingOptions.defaults().withText(TextOptions.of("a")).withSteps(1);
    try (Scope scope = Scope.open();
        AutoencoderTiny tiny = AutoencoderFile.loadTiny(folder.resolve("tiny"));
        DiffusionPipeline pixels = DiffusionPipeline.load(Golden.path("pipeline/tiny"))) {
      SamplingOptions guided = options.withGuidance(Guidance.NONE.withDecoder(tiny));
      refuses(
          "the guides' decoder enlarges 2 times, but the model's pictures are 1 times",
          () -> pixels.sample(guided.withText(TextOptions.NONE), Sampler.Listener.NONE));
      refuses("(B, 4, H, W), not [1, 3, 8, 8]", () -> tiny.decode(Tensor.zeros(1, 3, 8, 8)));
    }
    refuses(
        "_class_name is AutoencoderKL", () -> AutoencoderFile.loadTiny(folder.resolve("model")));
  }

  private static void refuses(String message, Runnable call) {
    SfumatoException e = assertThrows(SfumatoException.class, call::run);
    assertThat(e.getMessage()).contains(message);
    assertThat(e.getMessage()).doesNotContain("\n");
  }
}
