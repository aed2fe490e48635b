package dev.sfumato.pipeline;

import static com.google.common.truth.Truth.assertThat;
import static dev.sfumato.tensor.TensorSubject.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.sfumato.SfumatoException;
import dev.sfumato.io.JsonFile;
import dev.sfumato.model.ClassConditioning;
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
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
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
    assertThat(failure(folder)).contains("is no model directory");
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
    assertThat(message).contains("missing unet.conv_in.weight, unet.conv_out.bias");
    assertThat(message).contains("unexpected unet.a.new.one, unet.another");
    assertThat(message).contains("unet.conv_in.bias is [5], expected [8]");
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
