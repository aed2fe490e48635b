package dev.sfumato.pipeline;

import static com.google.common.truth.Truth.assertThat;
import static com.google.common.truth.Truth.assertWithMessage;
import static dev.sfumato.tensor.TensorSubject.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.fasterxml.jackson.databind.JsonNode;
import dev.sfumato.InvalidOptionException;
import dev.sfumato.SfumatoException;
import dev.sfumato.checkpoint.LoraFormat;
import dev.sfumato.checkpoint.LoraOptions;
import dev.sfumato.io.JsonFile;
import dev.sfumato.sampling.Sampler;
import dev.sfumato.sampling.SamplingOptions;
import dev.sfumato.sampling.TextOptions;
import dev.sfumato.tensor.Golden;
import dev.sfumato.tensor.Rng;
import dev.sfumato.tensor.Safetensors;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** LoRA files that are written, against those that diffusers reads exactly. */
class LoraWriterTest {
  private static final Golden GOLDEN = Golden.read("lora/written");
  private static final double TOLERANCE = 1e-3;

  @TempDir static Path models;
  @TempDir Path folder;

  private static JsonNode golden(String name) {
    return StreamSupport.stream(GOLDEN.document().get("cases").spliterator(), false)
        .filter(c -> c.get("name").textValue().equals(name))
        .findFirst()
        .orElseThrow();
  }

  private static Path model(String family) {
    Path model = models.resolve(family);
    return Files.exists(model) ? model : TinyStableDiffusion.write(model, family);
  }

  private static LoraOptions options(JsonNode golden) {
    return LoraOptions.defaults()
        .withRank(golden.get("rank").intValue())
        .withAlpha(golden.get("alpha").doubleValue())
        .withTargets(golden.get("targets").textValue());
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

  private static Map<String, String> shapes(Path file) {
    Map<String, String> shapes = new TreeMap<>();
    Safetensors.open(file)
        .describe()
        .forEach(info -> shapes.put(info.name(), info.shape().toString().replace(" ", "")));
    return shapes;
  }

  private static Map<String, String> shapes(JsonNode golden) {
    Map<String, String> shapes = new TreeMap<>();
    golden.properties().forEach(e -> shapes.put(e.getKey(), e.getValue().toString()));
    return shapes;
  }

  /** Writes the matrices that the reference draws in the form that diffusers reads. */
  private Path reference(JsonNode golden) {
    Path file = folder.resolve("reference.safetensors");
    try (Scope scope = Scope.open();
        Rng random = new Rng(21)) {
      Map<String, Tensor> tensors = new LinkedHashMap<>();
      Map<String, long[]> sizes = new TreeMap<>();
      golden
          .get("diffusers")
          .properties()
          .forEach(
              e ->
                  sizes.put(
                      e.getKey(),
                      StreamSupport.stream(e.getValue().spliterator(), false)
                          .mapToLong(JsonNode::longValue)
                          .toArray()));
      sizes.forEach(
          (name, shape) ->
              tensors.put(
                  name,
                  name.contains("lora_A")
                      ? random.normal(shape).div(golden.get("rank").intValue())
                      : random.normal(shape).mul(0.03)));
      Map<String, String> header =
          Map.of("lora_adapter_metadata", JsonFile.line(golden.get("header")));
      Safetensors.write(file, tensors, header);
    }
    return file;
  }

  @ParameterizedTest
  @ValueSource(strings = {"sd1", "sd1_all", "sd1_conv", "sd2_all", "xl_all"})
  void aNewOneHasTheTensorsAndTheHeaderThatDiffusersReads(String name) {
    JsonNode golden = golden(name);
    Path plain = folder.resolve("new.safetensors");
    Path kohya = folder.resolve("kohya.safetensors");
    try (StableDiffusionPipeline pipeline =
            StableDiffusionPipeline.load(model(golden.get("family").textValue()));
        LiveLora lora = pipeline.newLora(options(golden), golden.get("texts").booleanValue(), 3)) {
      lora.save(plain, LoraFormat.DIFFUSERS);
      lora.save(kohya, LoraFormat.KOHYA);
      assertThat(lora.size() * 2).isEqualTo(golden.get("diffusers").size());
    }
    assertThat(shapes(plain)).isEqualTo(shapes(golden.get("diffusers")));
    String header = Safetensors.open(plain).metadata().get("lora_adapter_metadata");
    assertThat(JsonFile.value(header))
        .isEqualTo(JsonFile.value(JsonFile.line(golden.get("header"))));
    assertThat(shapes(kohya)).isEqualTo(shapes(golden.get("kohya")));
    Map<String, String> ss = Safetensors.open(kohya).metadata();
    assertThat(ss).containsEntry("ss_network_dim", golden.get("rank").toString());
    assertThat(ss).containsEntry("ss_network_alpha", golden.get("alpha").doubleValue() + "");
  }

  @ParameterizedTest
  @ValueSource(strings = {"sd1", "sd1_all", "sd1_conv", "sd2_all", "xl_all"})
  void bothFormsAreReadBackAsWhatDiffusersDraws(String name) {
    JsonNode golden = golden(name);
    Path model = model(golden.get("family").textValue());
    Path diffusers = folder.resolve("written.safetensors");
    Path kohya = folder.resolve("kohya.safetensors");
    try (Scope scope = Scope.open();
        StableDiffusionPipeline pipeline = StableDiffusionPipeline.load(model)) {
      LiveLora lora = pipeline.addLora(reference(golden), 1);
      assertThat(draw(pipeline)).isWithin(TOLERANCE).of(GOLDEN.tensor(name));
      lora.save(diffusers, LoraFormat.DIFFUSERS);
      lora.save(kohya, LoraFormat.KOHYA);
      lora.close();
      for (Path written : new Path[] {diffusers, kohya}) {
        try (LiveLora again = pipeline.addLora(written, 1)) {
          assertThat(again.size()).isEqualTo(golden.get("diffusers").size() / 2);
          assertThat(draw(pipeline)).isWithin(TOLERANCE).of(GOLDEN.tensor(name));
        }
      }
    }
  }

  @Test
  void aNewOneChangesNothingAndGoesOnAsItWas() {
    Path file = folder.resolve("new.safetensors");
    LoraOptions options = LoraOptions.defaults().withRank(3).withAlpha(1.5).withTargets("all");
    try (Scope scope = Scope.open();
        StableDiffusionPipeline pipeline = StableDiffusionPipeline.load(model("sd1"))) {
      Tensor plain = draw(pipeline);
      LiveLora lora = pipeline.newLora(options, true, 3);
      assertThat(draw(pipeline)).isWithin(0).of(plain);
      assertThat(
              pipeline.network().trainableByName().keySet().stream()
                  .allMatch(n -> n.contains(".lora.")))
          .isTrue();
      lora.norms().forEach((name, norm) -> assertWithMessage(name).that(norm).isEqualTo(0.0));
      lora.save(file, LoraFormat.DIFFUSERS);
      lora.close();
      pipeline.trainLora(file, options).close();
      refuses(pipeline, options.withRank(4), file, "rank 3 and alpha 1.5, not `loraRank` 4");
      refuses(pipeline, options.withAlpha(3), file, "not `loraAlpha` 3");
      refuses(pipeline, options.withTargets("attention"), file, "`loraTargets`");
      assertThat(draw(pipeline)).isWithin(0).of(plain);
    }
  }

  private static void refuses(
      StableDiffusionPipeline pipeline, LoraOptions options, Path file, String why) {
    long before = Scope.liveTensors();
    SfumatoException e =
        assertThrows(SfumatoException.class, () -> pipeline.trainLora(file, options).close());
    assertThat(e).hasMessageThat().contains(why);
    assertThat(Scope.liveTensors()).isEqualTo(before);
  }

  @Test
  void patternsChooseLayers() {
    try (StableDiffusionPipeline pipeline = StableDiffusionPipeline.load(model("sd1"))) {
      assertThat(layers(pipeline, "mid_block")).contains("unet.mid_block.resnets.0.conv1");
      assertThat(layers(pipeline, "attn2.to_?"))
          .contains("unet.mid_block.attentions.0.transformer_blocks.0.attn2.to_k");
      assertThat(layers(pipeline, "down_blocks.*.to_q"))
          .hasSize(layers(pipeline, "down_blocks.*.to_k").size());
      assertThat(layers(pipeline, "to_q", "to_k").size())
          .isEqualTo(2 * layers(pipeline, "to_q").size());
      assertThrows(InvalidOptionException.class, () -> layers(pipeline, "to_x"));
      assertThrows(InvalidOptionException.class, () -> layers(pipeline, "q_proj"));
    }
  }

  private static java.util.Set<String> layers(StableDiffusionPipeline pipeline, String... targets) {
    try (LiveLora lora = pipeline.newLora(LoraOptions.defaults().withTargets(targets), false, 0)) {
      return lora.norms().keySet();
    }
  }

  @Test
  void optionsOutOfRangeAreRefused() {
    LoraOptions options = LoraOptions.defaults();
    assertThrows(InvalidOptionException.class, () -> options.withRank(0));
    assertThrows(InvalidOptionException.class, () -> options.withAlpha(0));
    assertThrows(InvalidOptionException.class, () -> options.withDropout(1));
    assertThrows(InvalidOptionException.class, () -> options.withTargets());
  }
}
