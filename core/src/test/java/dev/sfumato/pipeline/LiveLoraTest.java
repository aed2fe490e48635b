package dev.sfumato.pipeline;

import static com.google.common.truth.Truth.assertThat;
import static dev.sfumato.tensor.TensorSubject.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.sfumato.InvalidOptionException;
import dev.sfumato.SfumatoException;
import dev.sfumato.nn.AdaptedWeight;
import dev.sfumato.nn.Adapter;
import dev.sfumato.sampling.Sampler;
import dev.sfumato.sampling.SamplingOptions;
import dev.sfumato.sampling.TextOptions;
import dev.sfumato.tensor.Device;
import dev.sfumato.tensor.Golden;
import dev.sfumato.tensor.Precision;
import dev.sfumato.tensor.Rng;
import dev.sfumato.tensor.Safetensors;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** LoRAs beside the weights draw what merged ones draw, and leave no trace. */
class LiveLoraTest {
  private static final Golden GOLDEN = Golden.read("lora/pictures");
  private static final double TOLERANCE = 1e-5;

  @TempDir static Path models;
  @TempDir Path folder;

  private static Path model(String family) {
    Path model = models.resolve(family);
    return Files.exists(model) ? model : TinyStableDiffusion.write(model, family);
  }

  private static Path file(String name) {
    return Golden.path("lora/" + name + ".safetensors");
  }

  private static StableDiffusionPipeline load(String family) {
    return StableDiffusionPipeline.load(model(family));
  }

  private static StableDiffusionPipeline merged(String family, Path lora, double scale) {
    return StableDiffusionPipeline.load(
        model(family), LoadingOptions.DEFAULT.withLora(lora, scale));
  }

  private static Tensor draw(DiffusionPipeline pipeline, int steps) {
    return pipeline.sample(
        SamplingOptions.defaults()
            .withText(TextOptions.of("a red rose").withGuidanceScale(3))
            .withSize(16, 16)
            .withSteps(steps)
            .withSeed(7),
        Sampler.Listener.NONE);
  }

  private static Tensor draw(DiffusionPipeline pipeline) {
    return draw(pipeline, 6);
  }

  @ParameterizedTest
  @CsvSource({"sd1,sd1_peft,sd1", "sd1,sd1_more_kohya,sd1_more", "xl,xl_sgm,xl"})
  void drawsWhatMergedOnesDraw(String family, String file, String expected) {
    try (Scope scope = Scope.open();
        StableDiffusionPipeline pipeline = load(family);
        StableDiffusionPipeline merged = merged(family, file(file), 0.7)) {
      LiveLora lora = pipeline.addLora(file(file), 0.7);
      assertThat(lora.scale()).isEqualTo(0.7);
      assertThat(draw(pipeline)).isWithin(TOLERANCE).of(draw(merged));
      assertThat(draw(pipeline)).isWithin(1e-3).of(GOLDEN.tensor(expected));
    }
  }

  @Test
  void theSumIsExactInBf16Too() {
    try (Scope scope = Scope.open();
        StableDiffusionPipeline pipeline = load("sd1");
        StableDiffusionPipeline merged = merged("sd1", file("sd1_more_kohya"), 0.7)) {
      pipeline.precision(Precision.BF16);
      merged.precision(Precision.BF16);
      pipeline.addLora(file("sd1_more_kohya"), 0.7);
      assertThat(draw(pipeline)).isWithin(TOLERANCE).of(draw(merged));
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"FP32", "BF16"})
  void theScaleChangesWithoutATrace(Precision precision) {
    long before = Scope.liveTensors();
    try (Scope scope = Scope.open();
        StableDiffusionPipeline pipeline = load("sd1");
        StableDiffusionPipeline fresh = load("sd1")) {
      pipeline.precision(precision);
      fresh.precision(precision);
      Tensor plain = draw(fresh);
      fresh.addLora(file("sd1_more_kohya"), 0.4);
      long loaded = Scope.liveTensors();
      LiveLora lora = pipeline.addLora(file("sd1_more_kohya"), 0);
      assertThat(draw(pipeline)).isWithin(0).of(plain);
      lora.scale(0.9);
      assertThat(lora.scale()).isEqualTo(0.9);
      Tensor strong = draw(pipeline);
      lora.scale(0.4);
      Tensor weak = draw(pipeline);
      assertThat(weak.sub(strong).abs().max().item()).isGreaterThan(0.01);
      assertThat(weak).isWithin(0).of(draw(fresh));
      lora.close();
      lora.close();
      assertThat(draw(pipeline)).isWithin(0).of(plain);
      assertThat(Scope.liveTensors() - loaded).isLessThan(20); // pictures, and no matrices
    }
    assertThat(Scope.liveTensors()).isEqualTo(before);
  }

  @ParameterizedTest
  @ValueSource(doubles = {Double.NaN, Double.POSITIVE_INFINITY})
  void aScaleMustBeFinite(double scale) {
    Path style = file("sd1_more_kohya");
    try (StableDiffusionPipeline pipeline = load("sd1");
        LiveLora lora = pipeline.addLora(style, 0.4)) {
      assertThrows(InvalidOptionException.class, () -> lora.scale(scale));
      assertThat(lora.scale()).isEqualTo(0.4);
      assertThrows(InvalidOptionException.class, () -> pipeline.addLora(style, scale));
      assertThrows(
          InvalidOptionException.class, () -> LoadingOptions.DEFAULT.withLora(style, scale));
    }
  }

  @Test
  void severalAddUpAndEachIsRemovedAlone() {
    try (Scope scope = Scope.open();
        StableDiffusionPipeline pipeline = load("sd1");
        StableDiffusionPipeline both =
            StableDiffusionPipeline.load(
                model("sd1"),
                LoadingOptions.DEFAULT
                    .withLora(file("sd1_more_kohya"), 0.5)
                    .withLora(file("sd1_peft"), -0.8));
        StableDiffusionPipeline second = merged("sd1", file("sd1_peft"), -0.8)) {
      LiveLora first = pipeline.addLora(file("sd1_more_kohya"), 0.5);
      pipeline.addLora(file("sd1_peft"), -0.8);
      assertThat(draw(pipeline)).isWithin(TOLERANCE).of(draw(both));
      first.close();
      assertThat(draw(pipeline)).isWithin(TOLERANCE).of(draw(second));
    }
  }

  /** An adapter on any single weight of the U-Net and the text encoder changes the picture. */
  @ParameterizedTest
  @ValueSource(strings = {"sd1", "sd2", "xl"})
  void noLayerSkipsItsAdapter(String family) {
    try (Scope scope = Scope.open();
        Rng random = new Rng(5);
        StableDiffusionPipeline pipeline = load(family)) {
      List<AdaptedWeight> weights =
          new ArrayList<>(pipeline.networks().get("unet").adaptedWeights().values());
      if (!family.equals("xl")) { // it does not read the last layer of its encoders
        weights.addAll(pipeline.networks().get("text_encoder").adaptedWeights().values());
      }
      assertThat(weights.size()).isGreaterThan(50);
      Tensor plain = draw(pipeline, 1);
      for (AdaptedWeight weight : weights) {
        AdaptedWeight.Part part = weight.whole();
        Tensor up = random.normal(part.out(), 1);
        Tensor down = random.normal(1, part.in());
        try (Scope each = Scope.open();
            Adapter adapter = part.adapt(up, down, 0.1, 1)) {
          assertThat(draw(pipeline, 1).sub(plain).abs().max().item()).isGreaterThan(1e-5);
        }
      }
      assertThat(draw(pipeline, 1)).isWithin(0).of(plain);
    }
  }

  @Test
  void aProjectionOfTextsIsStoredTransposed() {
    Path file = folder.resolve("projection.safetensors");
    try (Scope scope = Scope.open();
        Rng random = new Rng(3);
        StableDiffusionPipeline pipeline = load("xl")) {
      Tensor projection =
          pipeline.networks().get("text_encoder_2").parameters().get("text_projection");
      Tensor up = random.normal(projection.size(1), 2);
      Tensor down = random.normal(2, projection.size(0));
      String layer = "text_encoder_2.text_projection.";
      Safetensors.write(
          file, Map.of(layer + "lora_A.weight", down, layer + "lora_B.weight", up), Map.of());
      Tensor plain = draw(pipeline);
      try (LiveLora lora = pipeline.addLora(file, 0.5);
          StableDiffusionPipeline merged = merged("xl", file, 0.5)) {
        Tensor change = merged.networks().get("text_encoder_2").parameters().get("text_projection");
        float[] ups = up.toFloats();
        float[] downs = down.toFloats();
        int width = (int) down.size(1);
        double product = ups[2] * downs[3] + ups[3] * downs[width + 3]; // output 1, input 3
        assertThat(change.sub(projection).select(0, 3).select(0, 1).item())
            .isWithin(1e-5)
            .of(0.5 * product);
        Tensor changed = draw(pipeline);
        assertThat(changed).isWithin(TOLERANCE).of(draw(merged));
        assertThat(changed.sub(plain).abs().max().item()).isGreaterThan(1e-3);
      }
    }
  }

  @Test
  void itStaysWhenWordsAreAddedAndWeightsAreMoved() {
    Path word = folder.resolve("word.safetensors");
    try (Scope scope = Scope.open();
        Rng random = new Rng(3);
        StableDiffusionPipeline pipeline = load("sd1")) {
      Safetensors.write(word, Map.of("<cat>", random.normal(1, 32)), Map.of());
      Tensor plain = draw(pipeline);
      LiveLora lora = pipeline.addLora(file("sd1_peft"), 0.7);
      Tensor with = draw(pipeline);
      pipeline.addTextualInversion(word, Optional.empty());
      pipeline.to(Device.parse("cpu"));
      assertThat(draw(pipeline)).isWithin(0).of(with);
      lora.close();
      assertThat(draw(pipeline)).isWithin(0).of(plain);
    }
  }

  @Test
  void aSavedModelIsWithoutIt() {
    try (Scope scope = Scope.open();
        StableDiffusionPipeline pipeline = load("sd1")) {
      Tensor plain = draw(pipeline);
      pipeline.addLora(file("sd1_peft"), 0.7);
      pipeline.save(folder.resolve("saved"));
      try (StableDiffusionPipeline saved = StableDiffusionPipeline.load(folder.resolve("saved"))) {
        assertThat(draw(saved)).isWithin(0).of(plain);
      }
    }
  }

  @Test
  void oneThatDoesNotFitChangesNothing() {
    try (Scope scope = Scope.open();
        StableDiffusionPipeline pipeline = load("sd1")) {
      Tensor plain = draw(pipeline);
      long before = Scope.liveTensors();
      assertThrows(SfumatoException.class, () -> pipeline.addLora(file("xl_sgm"), 1));
      assertThat(Scope.liveTensors()).isEqualTo(before);
      assertThat(draw(pipeline)).isWithin(0).of(plain);
    }
  }
}
