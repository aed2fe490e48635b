package dev.sfumato.pipeline;

import static com.google.common.truth.Truth.assertThat;
import static dev.sfumato.tensor.TensorSubject.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.sfumato.SfumatoException;
import dev.sfumato.io.JsonFile;
import dev.sfumato.sampling.Sampler;
import dev.sfumato.sampling.SamplingOptions;
import dev.sfumato.sampling.TextOptions;
import dev.sfumato.tensor.Golden;
import dev.sfumato.tensor.Safetensors;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.Collectors;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Folders of {@code adapter_config.json} and {@code adapter_model.safetensors}. */
class PeftFolderTest {
  private static final Golden GOLDEN = Golden.read("lora/peft_folders");
  private static final String START = "base_model.model";
  private static final String QUERY =
      "mid_block.attentions.0.transformer_blocks.0.attn1.to_q.weight";

  @TempDir Path folder;
  private Path model;

  @BeforeEach
  void writeModel() {
    model = TinyStableDiffusion.write(folder.resolve("model"), "sd1");
  }

  private static Path written(String part) {
    return Golden.path("lora/peft_" + part);
  }

  private static Tensor draw(DiffusionPipeline pipeline) {
    return pipeline.sample(
        SamplingOptions.defaults()
            .withText(TextOptions.of("a red rose").withGuidanceScale(3))
            .withSize(16, 16)
            .withSteps(6)
            .withSeed(7),
        Sampler.Listener.NONE);
  }

  @Test
  void twoLiveFoldersDrawWhatPeftDraws() {
    try (Scope scope = Scope.open();
        StableDiffusionPipeline pipeline = StableDiffusionPipeline.load(model);
        LiveLora unet = pipeline.addLora(written("unet"), 1);
        LiveLora text = pipeline.addLora(written("text_encoder"), 1)) {
      assertThat(draw(pipeline)).isWithin(1e-3).of(GOLDEN.tensor("picture"));
    }
  }

  /** Transformers wrote {@code text_model.} until version 5.5. */
  @ParameterizedTest
  @ValueSource(strings = {"", "text_model."})
  void mergedFoldersHaveTheWeightsOfPeft(String prefix) {
    Path text = folder.resolve("text");
    try (Scope scope = Scope.open()) {
      copy("text_encoder", text, prefix, settings("text_encoder"));
      try (StableDiffusionPipeline pipeline =
          StableDiffusionPipeline.load(
              model, LoadingOptions.DEFAULT.withLora(written("unet"), 1).withLora(text, 1))) {
        assertThat(pipeline.networks().get("unet").parameters().get(QUERY))
            .isWithin(2e-6)
            .of(GOLDEN.tensor(QUERY));
        assertThat(draw(pipeline)).isWithin(1e-3).of(GOLDEN.tensor("picture"));
      }
    }
  }

  @Test
  void aHeaderSaysOfEachNetworkWhetherItIsStabilised() {
    String settings =
        "{\"unet.r\": 2, \"unet.lora_alpha\": 3, \"unet.use_rslora\": true,"
            + " \"unet.alpha_pattern\": {\""
            + QUERY.replace(".weight", "")
            + "\": 5}, \"text_encoder.r\": 2, \"text_encoder.lora_alpha\": 6,"
            + " \"text_encoder.use_rslora\": false}";
    Path file = folder.resolve("both.safetensors");
    try (Scope scope = Scope.open()) {
      Map<String, Tensor> both = new LinkedHashMap<>();
      for (String part : new String[] {"unet", "text_encoder"}) {
        tensors(part).forEach((name, t) -> both.put(part + name.substring(START.length()), t));
      }
      Safetensors.write(file, both, Map.of("lora_adapter_metadata", settings));
      try (StableDiffusionPipeline pipeline = StableDiffusionPipeline.load(model);
          LiveLora lora = pipeline.addLora(file, 1)) {
        assertThat(draw(pipeline)).isWithin(1e-3).of(GOLDEN.tensor("picture"));
      }
    }
  }

  /** Their text encoders have the same layers and shapes. */
  @Test
  void theClassInItsSettingsTellsTheTextEncoderOfXl() {
    assertDrawsAsPeft(written("xl_text_encoder"), written("xl_text_encoder_2"));
  }

  /** As transformers' own adapters, which do not say their class. */
  @Test
  void theNameOfItsFolderTellsTheTextEncoderOfXl() {
    Path first = folder.resolve("loras/text_encoder");
    Path second = folder.resolve("loras/text_encoder_2");
    try (Scope scope = Scope.open()) {
      copy("xl_text_encoder", first, "", unnamed("xl_text_encoder"));
      copy("xl_text_encoder_2", second, "", unnamed("xl_text_encoder_2"));
    }
    assertDrawsAsPeft(first.resolve("."), second);
  }

  @Test
  void itsShapesTellTheTextEncoderOfXl() {
    ObjectNode wide = TinyStableDiffusion.entry("families", "xl").deepCopy();
    JsonNode second = wide.get("text_encoder_2");
    ((ObjectNode) second.get("config")).put("intermediate_size", 64);
    second
        .get("parameters")
        .properties()
        .forEach(
            e -> {
              ArrayNode shape = (ArrayNode) e.getValue();
              for (int i = 0; i < shape.size(); i++) {
                shape.set(i, shape.get(i).intValue() == 48 ? 64 : shape.get(i).intValue());
              }
            });
    Path lora = folder.resolve("style");
    TinyStableDiffusion.write(folder.resolve("wide"), wide);
    try (Scope scope = Scope.open()) {
      copy("xl_text_encoder", lora, "", unnamed("xl_text_encoder"));
      try (StableDiffusionPipeline pipeline = StableDiffusionPipeline.load(folder.resolve("wide"));
          LiveLora live = pipeline.addLora(lora, 1)) {
        assertThat(live.norms().keySet())
            .containsExactlyElementsIn(
                tensors("xl_text_encoder").keySet().stream()
                    .map(name -> name.replace(START, "text_encoder.text_model"))
                    .map(name -> name.replaceAll("\\.lora_[AB]\\.weight", ""))
                    .collect(Collectors.toSet()));
      }
    }
  }

  @Test
  void aFolderThatSuitsBothTextEncodersOfXlIsRefused() {
    Path lora = folder.resolve("style");
    Path xl = TinyStableDiffusion.write(folder.resolve("xl"), "xl");
    try (Scope scope = Scope.open();
        StableDiffusionPipeline pipeline = StableDiffusionPipeline.load(xl)) {
      copy("xl_text_encoder", lora, "", unnamed("xl_text_encoder"));
      assertThat(assertThrows(SfumatoException.class, () -> pipeline.addLora(lora, 1)))
          .hasMessageThat()
          .isEqualTo(
              lora.resolve("adapter_model.safetensors")
                  + ": does not say which text encoder it changes, and the model has two:"
                  + " name its folder text_encoder or text_encoder_2");
    }
  }

  private void assertDrawsAsPeft(Path first, Path second) {
    Path xl = TinyStableDiffusion.write(folder.resolve("xl"), "xl");
    try (Scope scope = Scope.open();
        StableDiffusionPipeline pipeline = StableDiffusionPipeline.load(xl);
        LiveLora one = pipeline.addLora(first, 1);
        LiveLora two = pipeline.addLora(second, 1)) {
      assertThat(draw(pipeline)).isWithin(1e-3).of(GOLDEN.tensor("xl_picture"));
    }
  }

  @Test
  void aDoraIsRefused() {
    Path dora = folder.resolve("dora");
    try (Scope scope = Scope.open();
        StableDiffusionPipeline pipeline = StableDiffusionPipeline.load(model)) {
      Map<String, Object> settings = settings("text_encoder");
      settings.put("use_dora", true);
      copy("text_encoder", dora, "", settings);
      assertThat(assertThrows(SfumatoException.class, () -> pipeline.addLora(dora, 1)))
          .hasMessageThat()
          .contains("is a DoRA");
    }
  }

  private static Map<String, Tensor> tensors(String part) {
    return Safetensors.open(written(part).resolve("adapter_model.safetensors")).tensors();
  }

  @SuppressWarnings("unchecked")
  private static Map<String, Object> settings(String part) {
    return JsonFile.read(written(part).resolve("adapter_config.json"), Map.class);
  }

  /** Settings that do not name the network's class. */
  private static Map<String, Object> unnamed(String part) {
    Map<String, Object> settings = settings(part);
    settings.put("auto_mapping", null);
    return settings;
  }

  /** Writes a text encoder's folder with a prefix of the layers. */
  private static void copy(String part, Path folder, String prefix, Map<String, Object> settings) {
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    tensors(part)
        .forEach((name, t) -> tensors.put(name.replace(START + ".", START + "." + prefix), t));
    JsonFile.write(folder.resolve("adapter_config.json"), settings);
    Safetensors.write(folder.resolve("adapter_model.safetensors"), tensors, Map.of());
  }
}
