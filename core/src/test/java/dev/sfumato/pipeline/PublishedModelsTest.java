package dev.sfumato.pipeline;

import static com.google.common.truth.Truth.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.sfumato.SfumatoException;
import dev.sfumato.checkpoint.ModelParts;
import dev.sfumato.checkpoint.ReadingOptions;
import dev.sfumato.io.JsonFile;
import dev.sfumato.scheduler.SchedulerConfig;
import dev.sfumato.tensor.DType;
import dev.sfumato.tensor.Golden;
import dev.sfumato.tensor.Safetensors;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Published models whose files differ from those that diffusers writes today. */
class PublishedModelsTest {
  @TempDir Path folder;

  /** As diffusers does: many files of its time before 0.9 name half of the size, 32. */
  @ParameterizedTest
  @CsvSource({"0.6.0.dev0, 64", "0.8.1, 64", "0.9.0, 8", "0.10.2, 8"})
  void oldModelsOfTextsDrawLargePictures(String version, int latents) {
    Path directory = TinyStableDiffusion.write(folder.resolve("sd1"), "sd1");
    Path file = directory.resolve("unet/config.json");
    ObjectNode config = JsonFile.read(file, ObjectNode.class);
    JsonFile.write(file, config.put("_diffusers_version", version).put("sample_size", 8));
    try (ModelParts files = ModelParts.of(directory, ReadingOptions.DEFAULT)) {
      assertThat(files.unet().sampleSize()).containsExactly(latents);
    }
  }

  /** As diffusers does where the two files differ. */
  @Test
  void theIndexNamesTheSchedulerOfAModelOfTexts() {
    assertLoadsAsNamed(TinyStableDiffusion.write(folder.resolve("sd1"), "sd1"));
  }

  @Test
  void theIndexNamesTheSchedulerOfAModelOfPixels() throws IOException {
    Path tiny = Golden.path("pipeline/tiny");
    Files.createDirectories(folder.resolve("unet"));
    Files.createDirectories(folder.resolve("scheduler"));
    for (String file :
        new String[] {
          "model_index.json",
          "unet/config.json",
          "unet/diffusion_pytorch_model.safetensors",
          "scheduler/scheduler_config.json"
        }) {
      Files.copy(tiny.resolve(file), folder.resolve(file));
    }
    assertLoadsAsNamed(folder);
    Path index = folder.resolve("model_index.json");
    JsonFile.write(
        index, JsonFile.read(index, ObjectNode.class).put("_class_name", "DDIMPipeline"));
    assertThat(scheduler(folder)).isEqualTo("DDIMScheduler"); // it draws with no other
    Files.move(folder.resolve("unet/config.json"), folder.resolve("config.json"));
    Files.delete(folder.resolve("unet/diffusion_pytorch_model.safetensors"));
    Files.delete(folder.resolve("unet"));
    Files.delete(folder.resolve("scheduler/scheduler_config.json"));
    assertThat(PixelPipeline.schedulerConfig(folder).className()).isEqualTo("DDIMScheduler");
  }

  /** DDPMPipeline of diffusers cannot draw with PNDM, and no pipeline with an index of nulls. */
  @Test
  void whatIsWrittenNamesWhatDraws() {
    Path pixels = folder.resolve("pixels");
    try (PixelPipeline tiny = PixelPipeline.load(Golden.path("pipeline/tiny"))) {
      SchedulerConfig pndm = tiny.scheduler().withClassName("pndm");
      new PixelPipeline(tiny.denoiser(), pndm).save(pixels, DType.FLOAT32);
    }
    assertThat(index(pixels).get("_class_name").textValue()).isEqualTo("PNDMPipeline");
    Path texts = TinyStableDiffusion.write(folder.resolve("sd1"), "sd1");
    JsonFile.write(texts.resolve("model_index.json"), index(texts).putNull("scheduler"));
    Path written = folder.resolve("written");
    try (DiffusionPipeline pipeline = DiffusionPipeline.load(texts)) {
      pipeline.save(written, DType.FLOAT32);
      assertThat(index(written).get("scheduler").get(1).textValue())
          .isEqualTo(pipeline.scheduler().className());
    }
  }

  /** Playground 2.5 and CosXL, which were drawn as other models of XL. */
  @ParameterizedTest
  @ValueSource(strings = {"edm_mean", "edm_vpred.sigma_max"})
  void aFileOfOtherNoiseLevelsIsRefused(String key) {
    Path file = folder.resolve("model.safetensors");
    try (Scope scope = Scope.open()) {
      Tensor one = Tensor.zeros(1);
      String unet = "model.diffusion_model.input_blocks.0";
      Map<String, Tensor> parts = Map.of(key, one, unet, one, "conditioner.embedders.0", one);
      Safetensors.write(file, parts, Map.of());
    }
    SfumatoException e =
        assertThrows(SfumatoException.class, () -> StableDiffusionPipeline.load(file));
    assertThat(e).hasMessageThat().contains("whose noise (EDM) is not supported");
  }

  private static ObjectNode index(Path directory) {
    return JsonFile.read(directory.resolve("model_index.json"), ObjectNode.class);
  }

  private static void assertLoadsAsNamed(Path directory) {
    Path file = directory.resolve("model_index.json");
    ObjectNode index = JsonFile.read(file, ObjectNode.class);
    index.putArray("scheduler").add("diffusers").add("EulerDiscreteScheduler");
    JsonFile.write(file, index);
    assertThat(scheduler(directory)).isEqualTo("EulerDiscreteScheduler");
  }

  private static String scheduler(Path directory) {
    try (DiffusionPipeline pipeline = DiffusionPipeline.load(directory)) {
      return pipeline.scheduler().className();
    }
  }
}
