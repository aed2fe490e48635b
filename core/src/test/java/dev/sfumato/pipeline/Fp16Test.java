package dev.sfumato.pipeline;

import static com.google.common.truth.Truth.assertThat;
import static dev.sfumato.tensor.TensorSubject.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.sfumato.InvalidOptionException;
import dev.sfumato.SfumatoException;
import dev.sfumato.guidance.GradientMode;
import dev.sfumato.guidance.Guidance;
import dev.sfumato.guidance.ScheduledGuide;
import dev.sfumato.model.Condition;
import dev.sfumato.nn.AdaptedWeight;
import dev.sfumato.nn.Weights;
import dev.sfumato.sampling.Sampler;
import dev.sfumato.sampling.SamplingOptions;
import dev.sfumato.sampling.Start;
import dev.sfumato.sampling.TextOptions;
import dev.sfumato.scheduler.Scheduler;
import dev.sfumato.scheduler.SchedulerKind;
import dev.sfumato.tensor.Autograd;
import dev.sfumato.tensor.DType;
import dev.sfumato.tensor.Golden;
import dev.sfumato.tensor.Precision;
import dev.sfumato.tensor.Rng;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.StandInCard;
import dev.sfumato.tensor.Tensor;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Drawing in half precision, which is for cards. The engine computes it on the CPU, too, slowly; a
 * {@link Sampler} does not refuse that, so these tests need no card.
 */
class Fp16Test {
  private static final LoadingOptions HALF = LoadingOptions.DEFAULT.withPrecision(Precision.FP16);
  private static final SamplingOptions DDIM =
      SamplingOptions.defaults().withScheduler(SchedulerKind.DDIM).withSteps(4);
  private static final String WEIGHT = "unet.conv_out.weight";

  @TempDir Path folder;

  private static PixelPipeline tiny(Precision precision) {
    PixelPipeline pipeline = PixelPipeline.load(Golden.path("pipeline/tiny"));
    pipeline.precision(precision);
    return pipeline;
  }

  private static Tensor sample(PixelPipeline pipeline, Guidance guidance) {
    try (Rng random = new Rng(3)) {
      return new Sampler(pipeline.denoiser(), Scheduler.of(pipeline.scheduler(DDIM)))
          .withGuidance(guidance)
          .sample(Start.noise(2, 3, 16, 16), 4, random, Sampler.Listener.NONE);
    }
  }

  private static Guidance bright(GradientMode mode) {
    return Guidance.of(
        List.of(ScheduledGuide.of("bright", (x0, at) -> x0.sub(1).square().mean(), 5)), mode);
  }

  @Test
  void picturesAreNearerToThoseInSinglePrecisionThanThoseOfBfloat16() {
    for (Guidance guidance : List.of(Guidance.NONE, bright(GradientMode.SHORTCUT))) {
      try (Scope scope = Scope.open();
          PixelPipeline single = tiny(Precision.FP32);
          PixelPipeline half = tiny(Precision.FP16);
          PixelPipeline bfloat = tiny(Precision.BF16)) {
        Tensor expected = sample(single, guidance);
        Tensor drawn = sample(half, guidance);
        assertThat(drawn.dtype()).isEqualTo(DType.FLOAT32);
        assertThat(distance(drawn, expected)).isGreaterThan(0);
        assertThat(distance(drawn, expected))
            .isLessThan(0.5 * distance(sample(bfloat, guidance), expected));
      }
    }
  }

  private static double distance(Tensor a, Tensor b) {
    return Math.sqrt(a.sub(b).square().mean().item());
  }

  @Test
  void noGradientGoesThroughTheNetwork() {
    try (Scope scope = Scope.open();
        PixelPipeline half = tiny(Precision.FP16);
        PixelPipeline bfloat = tiny(Precision.BF16)) {
      Guidance exact = bright(GradientMode.EXACT);
      assertThat(assertThrows(InvalidOptionException.class, () -> sample(half, exact)))
          .hasMessageThat()
          .isEqualTo(
              "`gradient` exact goes through the network, where fp16 loses small gradients: use"
                  + " `precision` bf16 or fp32, or `gradient` shortcut");
      assertThat(sample(half, exact.withGuides(List.of())).isFinite()).isTrue();
      assertThat(sample(bfloat, exact).isFinite()).isTrue();
    }
  }

  /** The gradient of a CLIP guide goes through CLIP. */
  @ParameterizedTest
  @EnumSource
  void clipDoesNotRoundGradientsAway(Precision precision) {
    try (Scope scope = Scope.open();
        PixelPipeline pipeline = tiny(precision);
        LoadedSources sources = new LoadedSources(pipeline, 16, 16)) {
      assertThat(sources.clip(Golden.path("guidance/clip").toString()).network().precision())
          .isEqualTo(precision == Precision.FP16 ? Precision.FP32 : precision);
    }
  }

  /** Never a black picture. */
  @Test
  void tooLargeNumbersAreAnErrorThatSaysWhatHelps() {
    try (Scope scope = Scope.open();
        PixelPipeline half = tiny(Precision.FP16);
        PixelPipeline bfloat = tiny(Precision.BF16)) {
      for (PixelPipeline pipeline : List.of(half, bfloat)) {
        try (Autograd.Recording off = Autograd.off()) {
          pipeline.denoiser().parameters().get(WEIGHT).fill_(6e4);
        }
      }
      assertThat(
              assertThrows(Sampler.NotFinite.class, () -> sample(half, Guidance.NONE)).getMessage())
          .isEqualTo(
              "step 1 of 4: the network predicts NaN or infinity: its numbers are too large for"
                  + " fp16, or damaged: use `precision` bf16 or fp32");
      assertThat(sample(bfloat, Guidance.NONE).isFinite()).isTrue();
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"FP16", "BF16"})
  void tooLargeWeightsAreNamed(Precision precision) {
    try (Scope scope = Scope.open();
        PixelPipeline pipeline = tiny(Precision.FP32)) {
      Map<String, Tensor> weights = new HashMap<>();
      pipeline.denoiser().parameters().forEach((name, w) -> weights.put(name, w.detach().copy()));
      weights.get(WEIGHT).fill_(7e4);
      Weights large = new Weights("model", weights);
      if (precision == Precision.BF16) {
        pipeline.denoiser().load(large, precision);
      } else {
        assertThat(
                assertThrows(
                    SfumatoException.class, () -> pipeline.denoiser().load(large, precision)))
            .hasMessageThat()
            .isEqualTo(
                "model: the weight "
                    + WEIGHT
                    + " is too large for fp16: use `precision` bf16 or fp32");
      }
    }
  }

  @Test
  void aModelOfTextsKeepsItsUNetInHalfPrecisionAndDecodesInSingle() {
    Path model = TinyStableDiffusion.write(folder.resolve("model"), "xl");
    try (Scope scope = Scope.open();
        Autograd.Recording off = Autograd.off();
        Rng random = new Rng(5);
        StableDiffusionPipeline wide = StableDiffusionPipeline.load(model);
        StableDiffusionPipeline narrow = StableDiffusionPipeline.load(model, HALF)) {
      for (AdaptedWeight matrix : narrow.network().adaptedWeights().values()) {
        assertThat(matrix.parameter().dtype()).isEqualTo(DType.FLOAT16);
      }
      assertThat(narrow.autoencoder().precision()).isEqualTo(Precision.FP32);
      wide.precision(Precision.FP16);
      Condition text = text(wide);
      Tensor x = random.normal(1, 4, 8, 8);
      Tensor time = Tensor.of(new long[] {500}, 1);
      Tensor expected = wide.denoiser().forward(x, time, text);
      assertThat(narrow.denoiser().forward(x, time, text)).isIdenticalTo(expected);
      wide.precision(Precision.FP32);
      Tensor exact = wide.denoiser().forward(x, time, text(wide));
      assertThat(exact).isWithin(0.01).of(expected);
      assertThat(distance(exact, expected)).isGreaterThan(0);
      assertThat(assertThrows(InvalidOptionException.class, () -> narrow.precision(Precision.BF16)))
          .hasMessageThat()
          .isEqualTo(
              "`precision`: the model was loaded in fp16: load it in bf16 to compute in bf16");
    }
  }

  private static Condition text(StableDiffusionPipeline pipeline) {
    SamplingOptions options = SamplingOptions.defaults().withText(TextOptions.of("a red rose"));
    return pipeline.conditioning(pipeline.completed(options)).given();
  }

  @Test
  void theCpuIsTooSlowForIt() {
    try (PixelPipeline pipeline = tiny(Precision.FP16)) {
      assertThat(assertThrows(InvalidOptionException.class, () -> pipeline.draw(DDIM)))
          .hasMessageThat()
          .isEqualTo(
              "`precision` fp16 needs a card: the CPU computes many times faster in bf16 or fp32");
      Precision.FP16.requireOn(StandInCard.DEVICE);
    }
  }
}
