package dev.sfumato.pipeline;

import static com.google.common.truth.Truth.assertThat;
import static dev.sfumato.tensor.TensorSubject.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.sfumato.InvalidOptionException;
import dev.sfumato.nn.AdaptedWeight;
import dev.sfumato.sampling.Sampler;
import dev.sfumato.sampling.SamplingOptions;
import dev.sfumato.sampling.TextOptions;
import dev.sfumato.tensor.DType;
import dev.sfumato.tensor.Golden;
import dev.sfumato.tensor.Precision;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.nio.file.Path;
import java.util.Collection;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A model that is loaded to compute in bfloat16 holds its U-Net in bfloat16. */
class Bf16LoadingTest {
  private static final LoadingOptions BF16 = LoadingOptions.DEFAULT.withPrecision(Precision.BF16);
  private static final Path LORA = Golden.path("lora/sd1_kohya.safetensors");

  @TempDir Path folder;

  private static Tensor draw(DiffusionPipeline pipeline) {
    return pipeline.sample(
        SamplingOptions.defaults()
            .withText(TextOptions.of("a red rose").withGuidanceScale(3))
            .withSize(16, 24)
            .withSteps(3)
            .withSeed(7),
        Sampler.Listener.NONE);
  }

  @ParameterizedTest
  @ValueSource(strings = {"sd1", "sd2", "xl", "lcm"})
  void itHoldsItsMatricesInHalfTheMemoryAndDrawsTheSame(String family) {
    Path model = TinyStableDiffusion.write(folder.resolve("model"), family);
    try (Scope scope = Scope.open();
        StableDiffusionPipeline wide = StableDiffusionPipeline.load(model);
        StableDiffusionPipeline narrow = StableDiffusionPipeline.load(model, BF16)) {
      Collection<AdaptedWeight> matrices = narrow.network().adaptedWeights().values();
      assertThat(matrices).isNotEmpty();
      for (AdaptedWeight matrix : matrices) {
        assertThat(matrix.parameter().dtype()).isEqualTo(DType.BFLOAT16);
      }
      wide.precision(Precision.BF16);
      assertThat(narrow.precision()).isEqualTo(Precision.BF16);
      assertThat(draw(narrow)).isWithin(0).of(draw(wide));
    }
  }

  @Test
  void aLoraIsMergedIntoItOrStaysBesideIt() {
    Path model = TinyStableDiffusion.write(folder.resolve("model"), "sd1");
    try (Scope scope = Scope.open();
        StableDiffusionPipeline wide =
            StableDiffusionPipeline.load(model, LoadingOptions.DEFAULT.withLora(LORA, 1));
        StableDiffusionPipeline merged =
            StableDiffusionPipeline.load(model, BF16.withLora(LORA, 1));
        StableDiffusionPipeline beside = StableDiffusionPipeline.load(model, BF16)) {
      Tensor expected = draw(wide);
      Tensor without = draw(beside);
      double changed = distance(without, expected);
      assertThat(distance(draw(merged), expected)).isLessThan(0.2 * changed);
      try (LiveLora lora = beside.addLora(LORA, 1)) {
        assertThat(distance(draw(beside), expected)).isLessThan(0.2 * changed);
      }
      assertThat(draw(beside)).isWithin(0).of(without);
    }
  }

  private static double distance(Tensor a, Tensor b) {
    return Math.sqrt(a.sub(b).square().mean().item());
  }

  @Test
  void itDoesNotGoBackToSinglePrecision() {
    Path model = TinyStableDiffusion.write(folder.resolve("model"), "sd1");
    try (StableDiffusionPipeline pipeline = StableDiffusionPipeline.load(model, BF16)) {
      assertThat(
              assertThrows(InvalidOptionException.class, () -> pipeline.precision(Precision.FP32)))
          .hasMessageThat()
          .isEqualTo(
              "`precision`: the model was loaded in bf16: load it in fp32 to compute in fp32");
    }
  }
}
