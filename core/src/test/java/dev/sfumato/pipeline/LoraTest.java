package dev.sfumato.pipeline;

import static com.google.common.truth.Truth.assertThat;
import static dev.sfumato.tensor.TensorSubject.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.sfumato.SfumatoException;
import dev.sfumato.sampling.Sampler;
import dev.sfumato.sampling.SamplingOptions;
import dev.sfumato.sampling.TextOptions;
import dev.sfumato.tensor.Golden;
import dev.sfumato.tensor.Safetensors;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** LoRA files in all forms, against the pictures that diffusers draws with them fused. */
class LoraTest {
  private static final Golden GOLDEN = Golden.read("lora/pictures");
  private static final String QUERY =
      "mid_block.attentions.0.transformer_blocks.0.attn1.to_q.weight";
  private static final double TOLERANCE = 1e-3;

  @TempDir static Path models;
  @TempDir Path folder;

  private static Path model(String family) {
    Path model = models.resolve(family);
    return Files.exists(model) ? model : TinyStableDiffusion.write(model, family);
  }

  private static Path file(String name) {
    return Golden.path("lora/" + name + ".safetensors");
  }

  private static StableDiffusionPipeline load(String family, Path lora, double scale) {
    return StableDiffusionPipeline.load(
        model(family), LoadingOptions.DEFAULT.withLora(lora, scale));
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

  private static Tensor query(StableDiffusionPipeline pipeline) {
    return pipeline.networks().get("unet").parameters().get(QUERY);
  }

  @ParameterizedTest
  @CsvSource({
    "sd1,sd1_peft,sd1",
    "sd1,sd1_old,sd1",
    "sd1,sd1_processors,sd1",
    "sd1,sd1_kohya,sd1",
    "sd1,sd1_more_kohya,sd1_more",
    "xl,xl_sgm,xl"
  })
  void drawsWhatDiffusersDraws(String family, String file, String expected) {
    try (Scope scope = Scope.open();
        StableDiffusionPipeline pipeline = load(family, file(file), 0.7)) {
      assertThat(query(pipeline)).isWithin(2e-6).of(GOLDEN.tensor(expected + "." + QUERY));
      assertThat(draw(pipeline)).isWithin(TOLERANCE).of(GOLDEN.tensor(expected));
    }
  }

  /** diffusers' convert_state_dict_to_kohya, with transformers 5: lora_te1_, no text_model. */
  @Test
  void kohyasNamesMayLackTextModel() {
    Path plain =
        changed(
            "sd1_kohya",
            weights ->
                List.copyOf(weights.keySet())
                    .forEach(
                        name ->
                            weights.put(
                                name.replace("lora_te_text_model_", "lora_te1_"),
                                weights.remove(name))));
    try (Scope scope = Scope.open();
        StableDiffusionPipeline pipeline = load("sd1", plain, 0.7)) {
      assertThat(draw(pipeline)).isWithin(TOLERANCE).of(GOLDEN.tensor("sd1"));
    }
  }

  @Test
  void atScaleZeroTheModelIsUnchangedAndOppositesCancel() {
    try (Scope scope = Scope.open();
        StableDiffusionPipeline plain = StableDiffusionPipeline.load(model("sd1"));
        StableDiffusionPipeline zero = load("sd1", file("sd1_peft"), 0);
        StableDiffusionPipeline both =
            StableDiffusionPipeline.load(
                model("sd1"),
                LoadingOptions.DEFAULT
                    .withLora(file("sd1_kohya"), 0.5)
                    .withLora(file("sd1_old"), -0.5))) {
      Tensor picture = draw(plain);
      assertThat(draw(zero)).isWithin(0).of(picture);
      assertThat(query(both)).isWithin(2e-6).of(query(plain));
      assertThat(draw(both)).isWithin(TOLERANCE).of(picture);
    }
  }

  private SfumatoException refused(String family, Path lora) {
    long before = Scope.liveTensors();
    SfumatoException e = assertThrows(SfumatoException.class, () -> load(family, lora, 1).close());
    assertThat(Scope.liveTensors()).isEqualTo(before);
    assertThat(e.getMessage().length()).isLessThan(500);
    return e;
  }

  private Path changed(String name, Consumer<Map<String, Tensor>> change) {
    Path file = folder.resolve("changed.safetensors");
    try (Scope scope = Scope.open()) {
      Map<String, Tensor> weights = new TreeMap<>(Safetensors.open(file(name)).tensors());
      change.accept(weights);
      Safetensors.write(file, weights, Map.of());
    }
    return file;
  }

  private Path withAlphaOf(String key, int alpha) {
    Path file = folder.resolve("alpha.safetensors");
    String settings =
        "{\"unet.r\":2,\"unet.lora_alpha\":6,\"text_encoder.r\":2,\"text_encoder.lora_alpha\":6,"
            + "\"unet.alpha_pattern\":{\""
            + key
            + "\":"
            + alpha
            + "}}";
    try (Scope scope = Scope.open()) {
      Safetensors.write(
          file,
          Safetensors.open(file("sd1_peft")).tensors(),
          Map.of("lora_adapter_metadata", settings));
    }
    return file;
  }

  @ParameterizedTest
  @CsvSource({
    "attentions.0.transformer_blocks.0.attn1.to_q",
    "^mid_block.attentions.0.transformer_blocks.0.attn1.to_q"
  })
  void aLayerMayHaveAnAlphaOfItsOwn(String key) {
    try (Scope scope = Scope.open();
        StableDiffusionPipeline pipeline = load("sd1", withAlphaOf(key, 12), 0.35)) {
      assertThat(query(pipeline)).isWithin(2e-6).of(GOLDEN.tensor("sd1." + QUERY));
    }
  }

  @ParameterizedTest
  @CsvSource({"(a+)+b", "(", "*"})
  void anAlphaForAPatternIsRefused(String key) {
    assertThat(refused("sd1", withAlphaOf(key, 12)))
        .hasMessageThat()
        .contains("is not the name of a layer");
  }

  @Test
  void everyTensorFindsItsLayerOrAnErrorNamesIt() {
    Path stray =
        changed(
            "sd1_kohya",
            weights -> {
              weights.put("lora_unet_nowhere.lora_down.weight", Tensor.zeros(2, 32));
              weights.put("lora_unet_nowhere.lora_up.weight", Tensor.zeros(32, 2));
            });
    assertThat(refused("sd1", stray)).hasMessageThat().contains("lora_unet_nowhere.lora_up");
    Path half =
        changed(
            "sd1_kohya", weights -> weights.keySet().removeIf(n -> n.endsWith("q.lora_up.weight")));
    assertThat(refused("sd1", half)).hasMessageThat().contains("find no layer");
  }

  @Test
  void damagedTensorsAreRefusedByName() {
    String up = "lora_unet_mid_block_attentions_0_transformer_blocks_0_attn1_to_q.lora_up.weight";
    String start = up.substring(0, up.indexOf(".lora_up"));
    Path nan = changed("sd1_kohya", w -> w.put(up, w.get(up).mul(Double.NaN)));
    assertThat(refused("sd1", nan)).hasMessageThat().contains("holds NaN");
    Path alphas = changed("sd1_kohya", w -> w.put(start + ".alpha", Tensor.zeros(2)));
    assertThat(refused("sd1", alphas)).hasMessageThat().contains("find no layer of their shape");
    Path empty = changed("sd1_kohya", w -> w.put(start + ".lora_down.weight", Tensor.zeros(0, 32)));
    assertThat(refused("sd1", empty)).hasMessageThat().contains("find no layer of their shape");
  }

  @Test
  void aLoraForAnotherFamilySaysWhich() {
    assertThat(refused("sd1", file("xl_sgm")))
        .hasMessageThat()
        .contains("(texts of 64 numbers), but the model is another model (texts of 32 numbers)");
  }

  @ParameterizedTest
  @CsvSource({
    "lora_unet_x.hada_w1_a,LoHa",
    "lora_unet_x.lokr_w1,LoKr",
    "lora_unet_x.dora_scale,DoRA",
    "unet.x.lora_magnitude_vector,DoRA"
  })
  void otherMethodsAreRefusedByName(String name, String method) {
    Path other = changed("sd1_kohya", weights -> weights.put(name, Tensor.zeros(2, 2)));
    assertThat(refused("sd1", other)).hasMessageThat().contains("is a " + method);
  }

  @Test
  void aFileOfAnotherKindIsNoLora() {
    Path other = folder.resolve("vectors.safetensors");
    try (Scope scope = Scope.open()) {
      Safetensors.write(other, Map.of("<cat>", Tensor.zeros(2, 32)), Map.of());
    }
    assertThat(refused("sd1", other)).hasMessageThat().contains("textual inversion");
  }

  @Test
  void inspectionTellsFormAndRank() {
    assertThat(Inspection.of(file("sd1_kohya"))).containsMatch("form +kohya");
    String text = Inspection.of(file("sd1_peft"));
    assertThat(text).containsMatch("form +PEFT");
    assertThat(text).containsMatch("rank +2");
    assertThat(text).containsMatch("alpha +6");
  }
}
