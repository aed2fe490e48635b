package dev.sfumato.pipeline;

import static com.google.common.truth.Truth.assertThat;
import static dev.sfumato.tensor.TensorSubject.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.sfumato.SfumatoException;
import dev.sfumato.hub.ModelFiles;
import dev.sfumato.io.JsonFile;
import dev.sfumato.model.ClassConditioning;
import dev.sfumato.nn.Weights;
import dev.sfumato.sampling.SamplingOptions;
import dev.sfumato.tensor.Golden;
import dev.sfumato.tensor.Safetensors;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class PixelPipelineTest {
  private static final String WEIGHTS = "unet/diffusion_pytorch_model.safetensors";

  @TempDir Path folder;

  @ParameterizedTest
  @ValueSource(
      strings = {
        "tiny",
        "tiny-bin",
        "tiny-old-attention",
        "tiny-channels",
        "tiny-one-hot",
        "tiny-embedding"
      })
  void whatIsSavedLoadsAsTheSame(String name) {
    long before = Scope.liveTensors();
    try (Scope scope = Scope.open();
        PixelPipeline pipeline = PixelPipeline.load(Golden.path("pipeline/" + name))) {
      pipeline.save(folder);
      try (PixelPipeline again = PixelPipeline.load(folder)) {
        assertThat(again.scheduler().className()).isEqualTo(pipeline.scheduler().className());
        assertThat(again.scheduler().settings())
            .containsAtLeastEntriesIn(pipeline.scheduler().settings());
        assertThat(again.denoiser().config()).isEqualTo(pipeline.denoiser().config());
        assertThat(again.denoiser().conditioning()).isEqualTo(pipeline.denoiser().conditioning());
        Map<String, Tensor> weights = again.denoiser().parameters();
        pipeline
            .denoiser()
            .parameters()
            .forEach((key, tensor) -> assertThat(weights.get(key)).isIdenticalTo(tensor));
      }
    }
    assertThat(Scope.liveTensors()).isEqualTo(before);
  }

  /** Byte for byte what diffusers saved: tensors, their order, and the metadata. */
  @Test
  void aModelReplacesAnotherInItsDirectory() {
    try (PixelPipeline classes = PixelPipeline.load(Golden.path("pipeline/tiny-channels"));
        PixelPipeline plain = PixelPipeline.load(Golden.path("pipeline/tiny"))) {
      classes.save(folder);
      plain.save(folder);
    }
    assertLoadsAs("tiny");
  }

  @Test
  void weightsAreSavedAsDiffusersSavesThem() throws IOException {
    Path tiny = Golden.path("pipeline/tiny");
    try (PixelPipeline pipeline = PixelPipeline.load(tiny)) {
      pipeline.save(folder);
    }
    assertThat(Files.mismatch(tiny.resolve(WEIGHTS), folder.resolve(WEIGHTS))).isEqualTo(-1);
    Map<?, ?> index = JsonFile.read(folder.resolve("model_index.json"), Map.class);
    assertThat(index.get("_class_name")).isEqualTo("DDPMPipeline");
    assertThat(index.keySet()).containsAtLeast("scheduler", "unet");
  }

  @Test
  void aModelWithAClassEmbeddingNeedsNothingExtra() {
    try (PixelPipeline pipeline = PixelPipeline.load(Golden.path("pipeline/tiny-embedding"))) {
      assertThat(pipeline.denoiser().conditioning())
          .isEqualTo(new ClassConditioning(ClassConditioning.Type.EMBEDDING, 11, 0));
      assertThat(pipeline.denoiser().knowsNoClass()).isFalse();
    }
  }

  /** As google/ddpm-celebahq-256 and others of its time are. */
  @Test
  void olderModelsHaveTheirFilesInOneFolder() throws IOException {
    copy("tiny");
    for (String file : List.of(WEIGHTS, "unet/config.json", "scheduler/scheduler_config.json")) {
      Files.move(folder.resolve(file), folder.resolve(file.substring(file.indexOf('/') + 1)));
    }
    Files.delete(folder.resolve("unet"));
    Files.delete(folder.resolve("scheduler"));
    Path settings = folder.resolve("scheduler_config.json");
    ObjectNode changed = JsonFile.read(settings, ObjectNode.class);
    JsonFile.write(settings, changed.put("num_train_timesteps", 123));
    try (PixelPipeline pipeline = PixelPipeline.load(folder)) {
      assertThat(pipeline.scheduler().numTrainTimesteps()).isEqualTo(123);
    }
  }

  @Test
  void theRowsAfterTheClassesMeanNoClass() throws IOException {
    copy("tiny-embedding");
    JsonFile.write(
        folder.resolve("class_conditioning/config.json"),
        Map.of("type", "embedding", "num_classes", 10));
    try (PixelPipeline pipeline = PixelPipeline.load(folder)) {
      assertThat(pipeline.denoiser().conditioning().numClasses()).isEqualTo(10);
      assertThat(pipeline.denoiser().knowsNoClass()).isTrue();
    }
  }

  // ---- what is damaged

  @Test
  void aDirectoryThatIsNotThereOrNoModelIsSaidSo() {
    assertThat(failure(folder.resolve("nowhere"))).contains("there is no such model directory");
    assertThat(failure(folder)).contains("is not a model directory");
    assertThat(assertThrows(SfumatoException.class, () -> DiffusionPipeline.load("")))
        .hasMessageThat()
        .isEqualTo("the name of the model is empty");
  }

  @Test
  void missingWeightsAreNamed() throws IOException {
    copy("tiny");
    Files.delete(folder.resolve(WEIGHTS));
    assertThat(failure(folder))
        .isEqualTo(folder.resolve(WEIGHTS) + ": cannot be read: no such file");
  }

  @Test
  void truncatedWeightsAreNamed() throws IOException {
    copy("tiny");
    try (FileChannel channel =
        FileChannel.open(folder.resolve(WEIGHTS), StandardOpenOption.WRITE)) {
      channel.truncate(100_000);
    }
    assertThat(failure(folder)).startsWith(folder.resolve(WEIGHTS).toString());
  }

  @Test
  void aCorruptHeaderIsNamed() throws IOException {
    copy("tiny");
    byte[] bytes = Files.readAllBytes(folder.resolve(WEIGHTS));
    bytes[20] = '"';
    Files.write(folder.resolve(WEIGHTS), bytes);
    assertThat(failure(folder)).startsWith(folder.resolve(WEIGHTS).toString());
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "{", "null", "[]", "{\"block_out_channels\": \"many\"}"})
  void aCorruptConfigIsNamed(String json) throws IOException {
    copy("tiny");
    Path config = folder.resolve("unet/config.json");
    Files.writeString(config, json);
    assertThat(failure(folder)).startsWith(config.toString());
    Files.writeString(config, Files.readString(Golden.path("pipeline/tiny/unet/config.json")));
    Path scheduler = folder.resolve("scheduler/scheduler_config.json");
    Files.writeString(scheduler, json.replace("block_out_channels", "beta_start"));
    assertThat(failure(folder)).startsWith(scheduler.toString());
  }

  @Test
  void allWeightsThatDoNotFitAreListed() throws IOException {
    copy("tiny");
    try (Scope scope = Scope.open()) {
      Map<String, Tensor> weights =
          new HashMap<>(Safetensors.open(folder.resolve(WEIGHTS)).tensors());
      weights.put("a.new.one", weights.remove("conv_in.weight"));
      weights.put("another", weights.remove("conv_out.bias"));
      weights.put("conv_in.bias", Tensor.zeros(5));
      Safetensors.write(folder.resolve(WEIGHTS), weights, Map.of());
    }
    String message = failure(folder);
    assertThat(message).contains("missing conv_in.weight, conv_out.bias");
    assertThat(message).contains("unexpected a.new.one, another");
    assertThat(message).contains("conv_in.bias is [5], expected [8]");
  }

  /** As of another model: thousands of names would help nobody. */
  @Test
  void ofManyWeightsThatDoNotFitSomeAreNamed() throws IOException {
    copy("tiny");
    rename(name -> "x" + name.hashCode());
    String message = failure(folder);
    assertThat(message).containsMatch("missing [a-z_.]+, [a-z_.]+ and \\d+ more; unexpected x");
    assertThat(message.length()).isLessThan(420);
  }

  @ParameterizedTest
  @ValueSource(strings = {"_orig_mod.", "module.", "unet.", "model.", "module._orig_mod.unet."})
  void prefixesOfWrappersArePassedOver(String prefix) throws IOException {
    copy("tiny");
    rename(prefix::concat);
    assertLoadsAs("tiny");
  }

  @Test
  void compiledPartsArePassedOver() throws IOException {
    copy("tiny");
    rename(name -> name.replace("resnets.0.", "resnets.0._orig_mod."));
    assertLoadsAs("tiny");
  }

  @Test
  void oldNamesMayHavePrefixes() throws IOException {
    copy("tiny-old-attention");
    rename("module."::concat);
    assertLoadsAs("tiny-old-attention");
  }

  @Test
  void shardsAreJoined() throws IOException {
    copy("tiny");
    shard();
    assertLoadsAs("tiny");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "{}                                             | weight_map is missing",
        "{\"weight_map\": []}                           | weight_map is missing",
        "{\"weight_map\": {\"a\": \"../secret.bin\"}}     | secret.bin' is not the name",
        "{\"weight_map\": {\"a\": \"x.index.json\"}}      | x.index.json' is not the name",
        "{\"weight_map\": {\"a\": \"gone.safetensors\"}}  | gone.safetensors: cannot be read",
        "{\"weight_map\": {\"a\": \"m-1-of-2.safetensors\"}} | disagrees about",
      })
  void aWrongIndexIsRefused(String json, String complaint) throws IOException {
    copy("tiny");
    Files.writeString(shard(), json);
    assertThat(failure(folder)).contains(complaint);
  }

  @Test
  void classVectorsAreNotWeightsOfTheUNet() throws IOException {
    copy("tiny-channels");
    Path classes = folder.resolve("class_conditioning/model.safetensors");
    try (Scope scope = Scope.open()) {
      Map<String, Tensor> weights = new HashMap<>(Safetensors.open(classes).tensors());
      weights.put(
          "unet.conv_in.bias",
          Safetensors.open(folder.resolve(WEIGHTS)).tensor("conv_in.bias").mul(2));
      Safetensors.write(classes, weights, Map.of());
    }
    assertThat(failure(folder)).contains("unexpected");
    assertThat(failure(folder)).startsWith(classes.toString());
  }

  @Test
  void aGitLfsPointerIsNamed() throws IOException {
    copy("tiny");
    Files.writeString(
        folder.resolve(WEIGHTS),
        "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n");
    assertThat(failure(folder)).contains("is a Git LFS pointer");
  }

  @ParameterizedTest
  @ValueSource(floats = {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY})
  void weightsThatAreNotFiniteAreNamed(float value) throws IOException {
    copy("tiny");
    try (Scope scope = Scope.open()) {
      Map<String, Tensor> weights =
          new HashMap<>(Safetensors.open(folder.resolve(WEIGHTS)).tensors());
      weights.put("conv_in.bias", Tensor.of(new float[] {1, 2, 3, 4, 5, 6, value, 8}, 8));
      Safetensors.write(folder.resolve(WEIGHTS), weights, Map.of());
    }
    assertThat(failure(folder)).contains("conv_in.bias holds NaN or infinity");
  }

  // ---- models of other kinds

  @ParameterizedTest
  @ValueSource(strings = {"vae", "vqvae", "movq", "text_encoder", "bert"})
  void aPipelineWithOtherPartsIsRefusedByName(String part) throws IOException {
    copy("tiny");
    JsonFile.write(
        folder.resolve("model_index.json"),
        Map.of(
            "_class_name",
            "LDMPipeline",
            "unet",
            List.of("diffusers", "UNet2DModel"),
            part,
            List.of("diffusers", "VQModel")));
    assertThat(failure(folder)).contains("is a LDMPipeline with " + part + " (VQModel)");
    assertThrows(SfumatoException.class, () -> PixelPipeline.unetConfig(folder));
  }

  @Test
  void aPipelineWithAnotherUNetIsRefusedByName() throws IOException {
    copy("tiny");
    JsonFile.write(
        folder.resolve("model_index.json"),
        Map.of("_class_name", "X", "unet", List.of("diffusers", "UNet1DModel")));
    assertThat(failure(folder)).contains("UNet1DModel");
  }

  @Test
  void aDecoderIsNoticedWithoutAnIndex() throws IOException {
    copy("tiny");
    Files.deleteIfExists(folder.resolve("model_index.json"));
    Files.createDirectory(folder.resolve("vqvae"));
    assertThat(failure(folder)).contains("vqvae");
  }

  /** Uses the layout of {@code checkpoint-500} of {@code train_unconditional.py}. */
  @Test
  void aCheckpointOfAPythonScriptIsNamedForWhatItIs() throws IOException {
    copy("tiny");
    Files.deleteIfExists(folder.resolve("model_index.json"));
    Files.delete(folder.resolve("scheduler/scheduler_config.json"));
    Files.writeString(folder.resolve("optimizer.bin"), "");
    assertThat(failure(folder)).contains("is a checkpoint of a Python training script");
    PixelPipeline.load(folder.resolve("unet")).close();
  }

  private void assertLoadsAs(String name) {
    try (PixelPipeline expected = PixelPipeline.load(Golden.path("pipeline/" + name));
        PixelPipeline pipeline = PixelPipeline.load(folder)) {
      Map<String, Tensor> weights = pipeline.denoiser().parameters();
      expected
          .denoiser()
          .parameters()
          .forEach((key, tensor) -> assertThat(weights.get(key)).isIdenticalTo(tensor));
    }
  }

  private void rename(UnaryOperator<String> names) {
    try (Scope scope = Scope.open()) {
      Map<String, Tensor> renamed = new HashMap<>();
      Weights.in(folder.resolve("unet"), ModelFiles.UNET_WEIGHTS)
          .tensors()
          .forEach((name, tensor) -> renamed.put(names.apply(name), tensor));
      Safetensors.write(folder.resolve(WEIGHTS), renamed, Map.of());
    }
  }

  /** Puts the weights of the U-Net into two files and an index, whose path is returned. */
  private Path shard() throws IOException {
    Path whole = folder.resolve(WEIGHTS);
    Map<String, String> places = new HashMap<>();
    try (Scope scope = Scope.open()) {
      List<Map<String, Tensor>> shards = List.of(new HashMap<>(), new HashMap<>());
      Safetensors.open(whole)
          .tensors()
          .forEach(
              (name, tensor) -> {
                int shard = name.hashCode() & 1;
                shards.get(shard).put(name, tensor);
                places.put(name, "m-" + (shard + 1) + "-of-2.safetensors");
              });
      for (int i = 0; i < 2; i++) {
        Path file = whole.resolveSibling("m-" + (i + 1) + "-of-2.safetensors");
        Safetensors.write(file, shards.get(i), Map.of());
      }
    }
    Files.delete(whole);
    Path index = whole.resolveSibling(whole.getFileName() + ".index.json");
    JsonFile.write(index, Map.of("metadata", Map.of("total_size", 1), "weight_map", places));
    return index;
  }

  /**
   * Closed before, between and within the steps of another thread; the seed of the wait is fixed.
   */
  @Test
  void aPipelineThatIsClosedWhileItDrawsSaysSo() throws Exception {
    long before = Scope.liveTensors();
    Random random = new Random(1);
    ExecutorService other = Executors.newSingleThreadExecutor();
    int refused = 0;
    try {
      for (int round = 0; round < 20; round++) {
        PixelPipeline pipeline = PixelPipeline.load(Golden.path("pipeline/tiny"));
        CountDownLatch drawing = new CountDownLatch(1);
        long wait = random.nextInt(10_000_000);
        Future<?> closing =
            other.submit(
                () -> {
                  drawing.await();
                  TimeUnit.NANOSECONDS.sleep(wait);
                  pipeline.close();
                  return true;
                });
        try (Scope scope = Scope.open()) {
          pipeline.sample(
              SamplingOptions.defaults().withSteps(100), (step, total) -> drawing.countDown());
        } catch (SfumatoException e) {
          assertThat(e.getMessage()).contains("closed");
          refused++;
        }
        closing.get();
      }
    } finally {
      other.shutdown();
    }
    assertThat(refused).isAtLeast(10);
    assertThat(Scope.liveTensors()).isEqualTo(before);
  }

  private static String failure(Path directory) {
    long before = Scope.liveTensors();
    SfumatoException e =
        assertThrows(SfumatoException.class, () -> PixelPipeline.load(directory).close());
    assertThat(Scope.liveTensors()).isEqualTo(before);
    assertThat(e.getMessage()).doesNotContain("\n");
    return e.getMessage();
  }

  private void copy(String name) throws IOException {
    Path directory = Golden.path("pipeline/" + name);
    try (Stream<Path> tree = Files.walk(directory)) {
      for (Path file : tree.toList()) {
        Path copy = folder.resolve(directory.relativize(file).toString());
        if (!Files.isDirectory(copy)) {
          Files.copy(file, copy);
        }
      }
    }
  }
}
