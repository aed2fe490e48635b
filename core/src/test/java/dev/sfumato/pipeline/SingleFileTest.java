package dev.sfumato.pipeline;

import static com.google.common.truth.Truth.assertThat;
import static dev.sfumato.tensor.TensorSubject.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.sfumato.SfumatoException;
import dev.sfumato.io.JsonFile;
import dev.sfumato.sampling.Sampler;
import dev.sfumato.sampling.SamplingOptions;
import dev.sfumato.sampling.TextOptions;
import dev.sfumato.scheduler.PredictionType;
import dev.sfumato.tensor.DType;
import dev.sfumato.tensor.Golden;
import dev.sfumato.tensor.Safetensors;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import dev.sfumato.tensor.TorchFiles;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Models in one file in the original layout, against diffusers' own conversion. */
class SingleFileTest {
  private static final List<String> ALONE =
      List.of("_diffusers_version", "architectures", "bos_token_id");
  private static final Map<String, String> METADATA = Map.of("format", "pt");

  /** Models that several tests read. */
  @TempDir static Path models;

  @TempDir Path folder;

  private static JsonNode family(String name) {
    try {
      for (JsonNode family :
          JsonFile.MAPPER.readTree(Golden.path("single_files.json").toFile()).get("families")) {
        if (family.get("name").textValue().equals(name)) {
          return family;
        }
      }
    } catch (IOException e) {
      throw new AssertionError(e);
    }
    throw new AssertionError(name);
  }

  private static Path directory(String name) {
    Path directory = models.resolve(name);
    return Files.exists(directory) ? directory : TinyStableDiffusion.write(directory, family(name));
  }

  /** Writes a model as one file. */
  private static Path file(Path model, DType floats) {
    Path file = models.resolve(model.getFileName() + "." + floats.code() + ".safetensors");
    if (!Files.exists(file)) {
      try (DiffusionPipeline pipeline = DiffusionPipeline.load(model)) {
        pipeline.save(file, floats);
      }
    }
    return file;
  }

  /** Writes a file with the same weights, changed, and without the configurations. */
  private Path changed(Path file, UnaryOperator<Map<String, Tensor>> change) {
    Path changed = folder.resolve("changed.safetensors");
    try (Scope scope = Scope.open()) {
      Map<String, Tensor> weights = new TreeMap<>(Safetensors.open(file).tensors());
      Safetensors.write(changed, change.apply(weights), METADATA);
    }
    return changed;
  }

  private Path bare(Path file) {
    return changed(file, weights -> weights);
  }

  private static Tensor draw(Path model) {
    return draw(model, LoadingOptions.DEFAULT);
  }

  private static Tensor draw(Path model, LoadingOptions loading) {
    SamplingOptions options =
        SamplingOptions.defaults()
            .withText(TextOptions.of("a red rose"))
            .withSize(64, 64)
            .withSteps(2)
            .withSeed(3);
    try (DiffusionPipeline pipeline = DiffusionPipeline.load(model, loading)) {
      return pipeline.sample(options, Sampler.Listener.NONE);
    }
  }

  private static String digest(Path file) {
    try (Scope scope = Scope.open()) {
      MessageDigest whole = MessageDigest.getInstance("SHA-256");
      new TreeMap<>(Safetensors.open(file).tensors())
          .forEach(
              (name, tensor) -> {
                String line = name + " " + Arrays.toString(tensor.shape()) + "\n";
                whole.update(line.getBytes(StandardCharsets.UTF_8));
                float[] elements = tensor.toFloats();
                ByteBuffer bytes =
                    ByteBuffer.allocate(4 * elements.length).order(ByteOrder.LITTLE_ENDIAN);
                bytes.asFloatBuffer().put(elements);
                whole.update(bytes);
              });
      return HexFormat.of().formatHex(whole.digest());
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError(e);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"one", "two", "xl"})
  void writesWhatTheScriptsOfDiffusersWrite(String name) {
    Path written = file(directory(name), DType.FLOAT32);
    assertThat(Safetensors.open(written).names()).hasSize(family(name).get("tensors").intValue());
    assertThat(digest(written)).isEqualTo(family(name).get("sha256").textValue());
  }

  @ParameterizedTest
  @ValueSource(strings = {"one", "two", "xl"})
  void drawsAsTheDirectoryBitForBit(String name) {
    Path directory = directory(name);
    Path file = bare(file(directory, DType.FLOAT32));
    try (Scope scope = Scope.open()) {
      assertThat(draw(file)).isWithin(0).of(draw(directory));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"one", "two", "xl"})
  void configurationsAreThoseOfTheFamily(String name) throws IOException {
    Path file = bare(file(directory(name), DType.FLOAT32));
    Path again = folder.resolve("again");
    try (DiffusionPipeline pipeline = DiffusionPipeline.load(file)) {
      pipeline.save(again);
    }
    for (String part : List.of("unet", "vae", "text_encoder", "text_encoder_2", "scheduler")) {
      if (family(name).has(part)) {
        JsonNode expected =
            part.equals("scheduler")
                ? family(name).get(part)
                : family(name).get(part).get("config");
        String settings = part.equals("scheduler") ? "scheduler_config.json" : "config.json";
        JsonNode read = JsonFile.MAPPER.readTree(again.resolve(part).resolve(settings).toFile());
        expected
            .properties()
            .forEach(
                key -> {
                  if (read.hasNonNull(key.getKey()) && !ALONE.contains(key.getKey())) {
                    assertThat(part + " " + key.getKey() + " " + read.get(key.getKey()))
                        .isEqualTo(part + " " + key.getKey() + " " + key.getValue());
                  }
                });
      }
    }
    assertThat(
            JsonFile.MAPPER
                .readTree(again.resolve("model_index.json").toFile())
                .get("feature_extractor")
                .toString())
        .isEqualTo("[null,null]");
    assertThat(Files.readAllBytes(again.resolve("tokenizer/merges.txt")))
        .isEqualTo(Files.readAllBytes(Golden.path("sd_tokenizer/merges.txt")));
    try (Scope scope = Scope.open()) {
      assertThat(draw(again)).isWithin(0).of(draw(file));
    }
  }

  /** As in SSD-1B, Vega and the small models of Segmind, which lack blocks of the original. */
  @ParameterizedTest
  @ValueSource(strings = {"\"UNetMidBlock2D\"", "null"})
  void transformersOfDifferentDepthAndAMissingMiddleAreSeen(String middle) throws IOException {
    ObjectNode document = family("xl").deepCopy();
    ObjectNode unet = (ObjectNode) document.get("unet").get("config");
    Map<String, String> changed =
        Map.of(
            "mid_block_type", middle,
            "transformer_layers_per_block", "[1, [2, 1], 3]",
            "reverse_transformer_layers_per_block", "[[1, 2, 3], [1, 1, 2], 1]");
    for (Map.Entry<String, String> key : changed.entrySet()) {
      unet.set(key.getKey(), JsonFile.MAPPER.readTree(key.getValue()));
    }
    Path directory = TinyStableDiffusion.write(folder.resolve("distilled"), document);
    Path whole = folder.resolve("whole.safetensors");
    try (DiffusionPipeline pipeline = DiffusionPipeline.load(directory)) {
      pipeline.save(whole, DType.FLOAT32);
    }
    Path file = bare(whole);
    Path again = folder.resolve("again");
    try (DiffusionPipeline pipeline = DiffusionPipeline.load(file)) {
      pipeline.save(again);
    }
    JsonNode read = JsonFile.MAPPER.readTree(again.resolve("unet/config.json").toFile());
    changed.keySet().forEach(key -> assertThat(read.get(key)).isEqualTo(unet.get(key)));
    try (Scope scope = Scope.open()) {
      assertThat(draw(file)).isWithin(0).of(draw(directory));
    }
  }

  @Test
  void copiesAndWhatServedTrainingAreIgnored() {
    Path directory = directory("two");
    Path file =
        changed(
            file(directory, DType.FLOAT32),
            weights -> {
              Map<String, Tensor> more = new HashMap<>(weights);
              String text = "cond_stage_model.model.";
              weights.forEach(
                  (name, weight) -> {
                    if (name.startsWith(text + "transformer.resblocks.22.")) {
                      more.put(name.replace(".22.", ".23."), weight.mul(2));
                    }
                  });
              more.put(text + "text_projection", Tensor.zeros(64, 64));
              more.put(text + "logit_scale", Tensor.zeros());
              more.put(text + "attn_mask", Tensor.zeros(77, 77));
              more.put("model_ema.diffusion_modelout0weight", Tensor.zeros(3));
              more.put("model_ema.num_updates", Tensor.of(new long[] {5}, 1));
              more.put("first_stage_model.loss.logvar", Tensor.zeros(1));
              more.put("alphas_cumprod", Tensor.zeros(1000));
              return more;
            });
    try (Scope scope = Scope.open()) {
      assertThat(draw(file)).isWithin(0).of(draw(directory));
    }
  }

  @Test
  void halfPrecisionDrawsAsItsNumbers() {
    Path directory = directory("one");
    Path half = file(directory, DType.FLOAT16);
    Path widened =
        changed(
            half,
            weights -> {
              Map<String, Tensor> wide = new HashMap<>();
              weights.forEach((name, weight) -> wide.put(name, weight.to(DType.FLOAT32)));
              return wide;
            });
    try (Scope scope = Scope.open()) {
      assertThat(draw(half)).isWithin(0).of(draw(widened));
      assertThat(Safetensors.open(half).tensors().values().iterator().next().dtype())
          .isEqualTo(DType.FLOAT16);
    }
  }

  @ParameterizedTest
  @CsvSource({"one,5,EPSILON", "two,875000,EPSILON", "two,110000,V_PREDICTION"})
  void readsPytorchCheckpointsAndTheirNumberOfSteps(
      String name, int steps, PredictionType expected) {
    Path directory = directory(name);
    Path checkpoint = folder.resolve("model.ckpt");
    try (Scope scope = Scope.open()) {
      TorchFiles.write(
          checkpoint, Safetensors.open(file(directory, DType.FLOAT32)).tensors(), steps);
    }
    try (DiffusionPipeline pipeline = DiffusionPipeline.load(checkpoint)) {
      assertThat(pipeline.scheduler().predictionType()).isEqualTo(expected);
    }
    if (name.equals("one")) {
      try (Scope scope = Scope.open()) {
        assertThat(draw(checkpoint)).isWithin(0).of(draw(directory));
      }
    }
  }

  @Test
  void aPredictionThatTheCallerNamesWins() {
    Path file = bare(file(directory("two"), DType.FLOAT32));
    LoadingOptions asked = LoadingOptions.DEFAULT.withPredictionType(PredictionType.EPSILON);
    try (DiffusionPipeline pipeline = DiffusionPipeline.load(file, asked)) {
      assertThat(pipeline.scheduler().predictionType()).isEqualTo(PredictionType.EPSILON);
      assertThat(pipeline.pictureSize()).isEqualTo(List.of(512));
    }
  }

  @Test
  void aModelWithOtherSettingsComesBackWhole() {
    Path directory = TinyStableDiffusion.write(folder.resolve("small"), "xl");
    Path file = file(directory, DType.FLOAT32);
    try (Scope scope = Scope.open()) {
      assertThat(draw(file)).isWithin(0).of(draw(directory));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"first_stage_model.", "vae.", ""})
  void takesAnotherAutoencoder(String start) {
    Path directory = directory("one");
    Path file = file(directory, DType.FLOAT32);
    Path vae = folder.resolve("vae.safetensors");
    try (Scope scope = Scope.open()) {
      Map<String, Tensor> weights = new TreeMap<>();
      Safetensors.open(file)
          .tensors()
          .forEach(
              (name, weight) -> {
                if (name.startsWith("first_stage_model.")) {
                  weights.put(
                      start + name.substring("first_stage_model.".length()),
                      name.contains("decoder.conv_out") ? weight.mul(2) : weight);
                }
              });
      Safetensors.write(vae, weights, METADATA);
      Tensor own = draw(directory);
      Tensor other = draw(directory, LoadingOptions.DEFAULT.withVae(vae));
      assertThat(other).isWithin(0).of(own.mul(2));
      Path without =
          changed(
              file,
              all -> {
                all.keySet().removeIf(name -> name.startsWith("first_stage_model."));
                return all;
              });
      assertThat(draw(without, LoadingOptions.DEFAULT.withVae(vae))).isWithin(0).of(other);
      assertThat(draw(directory, LoadingOptions.DEFAULT.withVae(directory))).isWithin(0).of(own);
      assertThat(assertThrows(SfumatoException.class, () -> draw(without)).getMessage())
          .contains("has no autoencoder");
    }
  }

  @Test
  void filesOfOtherKindsAreNamed() {
    Map<String, String> kinds =
        Map.of(
            "lora_unet_mid_block_attentions_0_proj_in.lora_down.weight", "is a LoRA",
            "decoder.conv_in.weight", "is not a Stable Diffusion checkpoint",
            "double_blocks.0.img_attn.qkv.weight", "another family",
            "control_model.input_blocks.0.0.weight", "is a ControlNet",
            "<cat>", "is a textual inversion",
            "model.diffusion_model.input_blocks.0.0.weight", "is a U-Net alone");
    kinds.forEach(
        (name, message) -> {
          Path file = folder.resolve("other.safetensors");
          try (Scope scope = Scope.open()) {
            Safetensors.write(file, Map.of(name, Tensor.zeros(2, 3)), Map.of());
          }
          SfumatoException e =
              assertThrows(SfumatoException.class, () -> DiffusionPipeline.load(file));
          assertThat(e.getMessage()).contains(message);
        });
  }

  @Test
  void aGitLfsPointerIsNamed() throws IOException {
    Path file = folder.resolve("model.safetensors");
    Files.writeString(file, "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12\n");
    assertThat(assertThrows(SfumatoException.class, () -> DiffusionPipeline.load(file)))
        .hasMessageThat()
        .contains("is a Git LFS pointer");
  }

  @Test
  void aFileWithoutAnAutoencoderIsNotTakenForOne() {
    Path file = folder.resolve("other.safetensors");
    try (Scope scope = Scope.open()) {
      Safetensors.write(file, Map.of("a", Tensor.zeros(3)), Map.of());
    }
    LoadingOptions options = LoadingOptions.DEFAULT.withVae(file);
    Path model = directory("one");
    assertThat(assertThrows(SfumatoException.class, () -> DiffusionPipeline.load(model, options)))
        .hasMessageThat()
        .isEqualTo(file + ": is not an autoencoder but holds: tensors");
  }

  @Test
  void inspectionTellsWhatAFileIs() {
    String text = Inspection.of(file(directory("xl"), DType.FLOAT32));
    assertThat(text).containsMatch("kind +text-to-image model in one file");
    assertThat(text).containsMatch("family +Stable Diffusion XL");
    assertThat(text).containsMatch("predicts +epsilon");
    Path embedding = folder.resolve("cat.safetensors");
    try (Scope scope = Scope.open()) {
      Safetensors.write(embedding, Map.of("<cat>", Tensor.zeros(2, 768)), Map.of());
    }
    assertThat(Inspection.of(embedding))
        .contains("<cat>: 2 of 768 numbers, of CLIP ViT-L (Stable Diffusion 1.x, XL)");
  }

  @Test
  void anIncompleteFileNamesWhatItLacks() {
    long before = Scope.liveTensors();
    Path file = file(directory("one"), DType.FLOAT32);
    Map<String, String> parts =
        Map.of(
            "model.diffusion_model.input_blocks.4.0.in_layers.2.bias", "resnets.0.conv1.bias",
            "cond_stage_model.transformer.text_model.final_layer_norm.bias", "ln_final.bias");
    parts.forEach(
        (name, message) -> {
          Path less =
              changed(
                  file,
                  weights -> {
                    weights.remove(name);
                    return weights;
                  });
          SfumatoException e =
              assertThrows(SfumatoException.class, () -> DiffusionPipeline.load(less));
          assertThat(e.getMessage()).contains(message);
        });
    assertThat(Scope.liveTensors()).isEqualTo(before);
  }

  @ParameterizedTest
  @ValueSource(strings = {"2000000000", "99999999999"})
  void aBlockWithoutThoseBeforeItIsRefused(String number) {
    Path file =
        changed(
            file(directory("one"), DType.FLOAT32),
            weights -> {
              weights.put(
                  "model.diffusion_model.input_blocks." + number + ".0.bias", Tensor.zeros(2));
              return weights;
            });
    SfumatoException e = assertThrows(SfumatoException.class, () -> DiffusionPipeline.load(file));
    assertThat(e).hasMessageThat().contains("has a block " + number);
  }

  @Test
  void settingsInTheHeaderAreChecked() {
    Path whole = file(directory("one"), DType.FLOAT32);
    Path file = folder.resolve("settings.safetensors");
    try (Scope scope = Scope.open()) {
      Safetensors.write(
          file, Safetensors.open(whole).tensors(), Map.of("sfumato", "{\"unet\": \"wide\"}"));
    }
    SfumatoException e = assertThrows(SfumatoException.class, () -> DiffusionPipeline.load(file));
    assertThat(e).hasMessageThat().contains("the settings of unet in its header");
  }

  @Test
  void weightsOfTooFewDimensionsAreNamed() {
    String name = "conditioner.embedders.1.model.text_projection";
    Path file =
        changed(
            file(directory("xl"), DType.FLOAT32),
            weights -> {
              weights.put(name, Tensor.zeros(8));
              return weights;
            });
    SfumatoException e = assertThrows(SfumatoException.class, () -> DiffusionPipeline.load(file));
    assertThat(e).hasMessageThat().contains("has no weight '" + name + "' of a fitting shape");
  }

  @Test
  void aNumberIsNoLearnedWord() {
    Path file = folder.resolve("number.safetensors");
    try (Scope scope = Scope.open()) {
      Safetensors.write(file, Map.of("clip_l", Tensor.scalar(1)), METADATA);
    }
    assertThat(Inspection.of(file)).startsWith("metadata");
  }
}
