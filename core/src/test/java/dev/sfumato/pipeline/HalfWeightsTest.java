package dev.sfumato.pipeline;

import static com.google.common.truth.Truth.assertThat;
import static dev.sfumato.tensor.TensorSubject.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.sfumato.SfumatoException;
import dev.sfumato.guidance.GradientMode;
import dev.sfumato.guidance.Guidance;
import dev.sfumato.guidance.GuideSpec;
import dev.sfumato.io.JsonFile;
import dev.sfumato.nn.AdaptedWeight;
import dev.sfumato.nn.Module;
import dev.sfumato.sampling.Sampler;
import dev.sfumato.sampling.SamplingOptions;
import dev.sfumato.sampling.TextOptions;
import dev.sfumato.tensor.DType;
import dev.sfumato.tensor.Golden;
import dev.sfumato.tensor.Moves;
import dev.sfumato.tensor.Precision;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.StandInCard;
import dev.sfumato.tensor.Tensor;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Weights of files in half precision can stay so, and all results are as if widened. */
class HalfWeightsTest {
  private static final LoadingOptions COMPACT = LoadingOptions.DEFAULT.withCompactWeights();
  private static final Path LORA = Golden.path("lora/sd1_kohya.safetensors");

  @TempDir Path folder;

  /** Writes a model in half precision, and one in float32 with the same numbers. */
  private void write(String family, DType half) {
    Path model = TinyStableDiffusion.write(folder.resolve("model"), family);
    try (DiffusionPipeline pipeline = DiffusionPipeline.load(model)) {
      pipeline.save(folder.resolve("half"), half);
    }
    try (DiffusionPipeline pipeline = DiffusionPipeline.load(folder.resolve("half"))) {
      pipeline.save(folder.resolve("wide"), DType.FLOAT32);
    }
  }

  private StableDiffusionPipeline half() {
    return StableDiffusionPipeline.load(folder.resolve("half"), COMPACT);
  }

  private StableDiffusionPipeline wide() {
    return StableDiffusionPipeline.load(folder.resolve("wide"));
  }

  private static SamplingOptions options() {
    return SamplingOptions.defaults()
        .withText(TextOptions.of("a red rose").withGuidanceScale(3))
        .withSize(16, 24)
        .withSteps(3)
        .withSeed(7);
  }

  private static Tensor draw(DiffusionPipeline pipeline, SamplingOptions options) {
    return pipeline.sample(options, Sampler.Listener.NONE);
  }

  private static Set<DType> types(Module network) {
    return network.adaptedWeights().values().stream()
        .map(AdaptedWeight::parameter)
        .map(Tensor::dtype)
        .collect(Collectors.toSet());
  }

  @ParameterizedTest
  @CsvSource({"sd1, FLOAT16", "sd2, BFLOAT16", "xl, FLOAT16"})
  void aModelDrawsAsIfItsWeightsWereWidened(String family, DType type) {
    write(family, type);
    try (Scope scope = Scope.open();
        StableDiffusionPipeline half = half();
        StableDiffusionPipeline wide = wide()) {
      assertThat(types(half.network())).containsExactly(type);
      assertThat(types(half.autoencoder())).containsExactly(type);
      assertThat(types(wide.network())).containsExactly(DType.FLOAT32);
      assertThat(draw(half, options())).isIdenticalTo(draw(wide, options()));
      wide.precision(Precision.BF16);
      half.precision(Precision.BF16);
      assertThat(draw(half, options())).isIdenticalTo(draw(wide, options()));
    }
  }

  /** Of bfloat16 weights each product would else need a copy in every step. */
  @ParameterizedTest
  @CsvSource({"FP32, FLOAT32", "BF16, BFLOAT16", "FP16, FLOAT16"})
  void onACardWeightsHaveTheTypeInWhichTheyCompute(Precision precision, DType type) {
    write("sd1", DType.FLOAT16);
    LoadingOptions options = LoadingOptions.DEFAULT.withPrecision(precision).withCompactWeights();
    try (StableDiffusionPipeline pipeline =
        StableDiffusionPipeline.load(folder.resolve("half"), options)) {
      StandInCard.place(pipeline.network());
      StandInCard.place(pipeline.autoencoder());
      assertThat(types(pipeline.network())).containsExactly(type);
      assertThat(types(pipeline.autoencoder())).containsExactly(DType.FLOAT32);
      assertThat(pipeline.network().device()).isEqualTo(StandInCard.DEVICE);
    }
  }

  /** The stand-in has no tables, so reading a text ends there; its tokens are checked before. */
  @Test
  void aTextIsNotReadBackFromACard() {
    try (StableDiffusionPipeline pipeline =
        StableDiffusionPipeline.load(TinyStableDiffusion.write(folder.resolve("model"), "xl"))) {
      StandInCard.place(pipeline.learners());
      long before = Moves.read();
      SfumatoException end =
          assertThrows(SfumatoException.class, () -> pipeline.texts(List.of("a red rose")));
      assertThat(end).hasMessageThat().contains("Meta tensors");
      assertThat(Moves.read()).isEqualTo(before);
    }
  }

  @Test
  void aUNetThatFitsBecomesWide() {
    write("sd1", DType.FLOAT16);
    try (Scope scope = Scope.open();
        StableDiffusionPipeline half = half();
        StableDiffusionPipeline roomy = StableDiffusionPipeline.load(folder.resolve("half"))) {
      assertThat(types(roomy.network())).containsExactly(DType.FLOAT32);
      assertThat(types(roomy.autoencoder())).containsExactly(DType.FLOAT16);
      assertThat(draw(roomy, options())).isIdenticalTo(draw(half, options()));
    }
  }

  @ParameterizedTest
  @EnumSource(GradientMode.class)
  void guidesSteerIt(GradientMode gradient) {
    write("sd1", DType.FLOAT16);
    SamplingOptions steered =
        options()
            .withGuidance(Guidance.of(List.of(), gradient))
            .withGuide(GuideSpec.parse("color=0.1,0.9,0.5").with("scale", 30));
    long before = Scope.liveTensors();
    try (Scope scope = Scope.open();
        StableDiffusionPipeline half = half();
        StableDiffusionPipeline wide = wide()) {
      Tensor expected = draw(wide, steered);
      assertThat(draw(half, steered)).isWithin(1e-5).of(expected);
      half.checkpointing(true);
      assertThat(draw(half, steered)).isWithin(1e-5).of(expected);
      assertThat(expected.sub(draw(wide, options())).abs().max().item()).isGreaterThan(0.01);
    }
    assertThat(Scope.liveTensors()).isEqualTo(before);
  }

  @Test
  void aLoraStaysBesideItOrIsMerged() {
    write("sd1", DType.FLOAT16);
    LoadingOptions merging = COMPACT.withLora(LORA, 0.8);
    try (Scope scope = Scope.open();
        StableDiffusionPipeline half = half();
        StableDiffusionPipeline merged =
            StableDiffusionPipeline.load(folder.resolve("half"), merging);
        StableDiffusionPipeline wide =
            StableDiffusionPipeline.load(folder.resolve("wide"), merging)) {
      Tensor expected = draw(wide, options());
      assertThat(draw(merged, options())).isIdenticalTo(expected);
      Tensor without = draw(half, options());
      try (LiveLora lora = half.addLora(LORA, 0.8)) {
        assertThat(draw(half, options())).isWithin(1e-5).of(expected);
      }
      assertThat(draw(half, options())).isIdenticalTo(without);
    }
  }

  /** Otherwise transformers would round the weights to the type that config.json names. */
  @Test
  void aTextEncodersTypeIsThatOfItsWrittenWeights() {
    write("xl", DType.FLOAT16);
    for (String key : new String[] {"dtype", "torch_dtype"}) {
      Path config = folder.resolve("half/text_encoder_2/config.json");
      ObjectNode settings = JsonFile.read(config, ObjectNode.class);
      JsonFile.write(config, settings.put(key, "float16"));
      try (StableDiffusionPipeline half = half()) {
        half.save(folder.resolve("saved"));
        half.save(folder.resolve("small"), DType.BFLOAT16);
      }
      String place = "text_encoder_2/config.json";
      assertThat(
              JsonFile.read(folder.resolve("saved").resolve(place), JsonNode.class)
                  .path(key)
                  .asText())
          .isEqualTo("float32");
      assertThat(
              JsonFile.read(folder.resolve("small").resolve(place), JsonNode.class)
                  .path(key)
                  .asText())
          .isEqualTo("bfloat16");
    }
  }
}
