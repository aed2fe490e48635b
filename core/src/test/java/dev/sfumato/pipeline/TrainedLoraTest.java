package dev.sfumato.pipeline;

import static com.google.common.truth.Truth.assertThat;
import static dev.sfumato.tensor.TensorSubject.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.sfumato.SfumatoException;
import dev.sfumato.checkpoint.LoraFormat;
import dev.sfumato.checkpoint.LoraOptions;
import dev.sfumato.sampling.Sampler;
import dev.sfumato.sampling.SamplingOptions;
import dev.sfumato.sampling.TextOptions;
import dev.sfumato.tensor.DType;
import dev.sfumato.tensor.Rng;
import dev.sfumato.tensor.Safetensors;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** LoRAs of others that learn on. */
class TrainedLoraTest {
  @TempDir Path folder;

  private StableDiffusionPipeline pipeline(String family) {
    return StableDiffusionPipeline.load(TinyStableDiffusion.write(folder.resolve("model"), family));
  }

  /** Adds a LoRA with these layers to a file of kohya's scripts, in half precision. */
  private static void add(
      Map<String, Tensor> tensors, StableDiffusionPipeline pipeline, LoraOptions options, Path to) {
    try (LiveLora lora = pipeline.newLora(options, true, 3);
        Rng random = new Rng(5)) {
      lora.save(to, LoraFormat.KOHYA);
      Safetensors.open(to)
          .tensors()
          .forEach(
              (name, t) ->
                  tensors.put(
                      name,
                      (name.contains("lora_up") ? random.normal(t.shape()).mul(0.03) : t.copy())
                          .to(DType.FLOAT16)));
    }
  }

  /** As with kohya's {@code conv_dim}: convolutions have a rank and an alpha of their own. */
  private Path ofTwoRanks(StableDiffusionPipeline pipeline) {
    Path file = folder.resolve("two.safetensors");
    try (Scope scope = Scope.open()) {
      Map<String, Tensor> tensors = new TreeMap<>();
      LoraOptions linear = LoraOptions.defaults().withRank(3).withAlpha(1);
      add(tensors, pipeline, linear, folder.resolve("part.safetensors"));
      LoraOptions others =
          LoraOptions.defaults().withRank(2).withAlpha(4).withTargets("conv1", "proj_in", "fc1");
      add(tensors, pipeline, others, folder.resolve("part2.safetensors"));
      Safetensors.write(file, tensors, Map.of());
    }
    return file;
  }

  private static Map<String, Tensor> floats(Path file) {
    Map<String, Tensor> floats = new TreeMap<>();
    Safetensors.open(file).tensors().forEach((name, t) -> floats.put(name, t.to(DType.FLOAT32)));
    return floats;
  }

  private static Tensor draw(StableDiffusionPipeline pipeline) {
    return pipeline.sample(
        SamplingOptions.defaults()
            .withText(TextOptions.of("a red rose").withGuidanceScale(3))
            .withSize(16, 16)
            .withSteps(2)
            .withSeed(7),
        Sampler.Listener.NONE);
  }

  @ParameterizedTest
  @CsvSource({"sd1, DIFFUSERS", "sd1, KOHYA", "sd2, DIFFUSERS", "xl, DIFFUSERS", "xl, KOHYA"})
  void whatIsSavedWithoutAStepIsTheSame(String family, LoraFormat format) {
    try (Scope scope = Scope.open();
        StableDiffusionPipeline pipeline = pipeline(family)) {
      Path file = ofTwoRanks(pipeline);
      Tensor drawn;
      try (LiveLora live = pipeline.addLora(file, 1)) {
        drawn = draw(pipeline);
      }
      Path written = folder.resolve("written.safetensors");
      try (LiveLora lora = pipeline.trainLora(file, LoraOptions.defaults())) {
        assertThat(lora.ranks()).containsExactly(2L, 3L);
        assertThat(lora.alphas()).containsExactly(1.0, 4.0);
        assertThat(lora.changesTextEncoders()).isTrue();
        assertThat(draw(pipeline)).isWithin(1e-3).of(drawn);
        lora.save(written, format);
      }
      try (LiveLora again = pipeline.addLora(written, 1)) {
        assertThat(draw(pipeline)).isWithin(0).of(drawn);
      }
      if (format == LoraFormat.KOHYA) {
        Map<String, Tensor> expected = floats(file);
        Map<String, Tensor> own = floats(written);
        assertThat(own.keySet()).isEqualTo(expected.keySet());
        own.forEach((name, tensor) -> assertThat(tensor).isWithin(0).of(expected.get(name)));
        assertThat(Safetensors.open(written).metadata()).containsEntry("ss_network_dim", "Dynamic");
      }
    }
  }

  @ParameterizedTest
  @ValueSource(doubles = {0.7, 1.23456789012, 1e-7, 5e9})
  void optionsThatAgreeAreTaken(double alpha) {
    try (StableDiffusionPipeline pipeline = pipeline("sd1")) {
      Path file = folder.resolve("one.safetensors");
      LoraOptions shape = LoraOptions.defaults().withRank(12).withAlpha(alpha).withTargets("all");
      try (LiveLora lora = pipeline.newLora(shape, false, 3)) {
        lora.save(file, LoraFormat.DIFFUSERS);
      }
      try (LiveLora lora = pipeline.trainLora(file, shape)) {
        assertThat(lora.alphas().first()).isWithin(1e-6 * alpha).of(alpha);
        assertThat(lora.changesTextEncoders()).isFalse();
      }
    }
  }

  @Test
  void whatIsRefusedLeavesTheWeightsLearning() {
    try (StableDiffusionPipeline pipeline = pipeline("sd1")) {
      int learning = pipeline.network().trainable().size();
      LoraOptions none = LoraOptions.defaults().withTargets("none");
      assertThrows(SfumatoException.class, () -> pipeline.newLora(none, false, 3));
      assertThrows(SfumatoException.class, () -> pipeline.trainLora(folder, none));
      assertThat(learning).isGreaterThan(0);
      assertThat(pipeline.network().trainable()).hasSize(learning);
    }
  }

  /** Drawing adds both changes up; what is written has one change for each layer. */
  @Test
  void aLayerIsNamedOnce() {
    try (Scope scope = Scope.open();
        StableDiffusionPipeline pipeline = pipeline("sd1")) {
      Path file = folder.resolve("twice.safetensors");
      Map<String, Tensor> tensors = new TreeMap<>();
      add(tensors, pipeline, LoraOptions.defaults().withRank(2), file);
      Map<String, Tensor> twice = new TreeMap<>(tensors);
      tensors.forEach((name, t) -> twice.put(name.replace("lora_te_", "lora_te1_"), t.copy()));
      Safetensors.write(file, twice, Map.of());
      pipeline.addLora(file, 1).close();
      assertThat(
              assertThrows(
                  SfumatoException.class,
                  () -> pipeline.trainLora(file, LoraOptions.defaults()).close()))
          .hasMessageThat()
          .contains("names a layer twice");
    }
  }
}
