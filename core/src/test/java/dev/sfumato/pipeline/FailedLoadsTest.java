package dev.sfumato.pipeline;

import static com.google.common.truth.Truth.assertThat;
import static com.google.common.truth.Truth.assertWithMessage;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.sfumato.SfumatoException;
import dev.sfumato.checkpoint.AutoencoderFile;
import dev.sfumato.tensor.Scope;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A text-to-image model that does not load leaves no tensors behind, whatever file is at fault. */
class FailedLoadsTest {
  @TempDir Path folder;

  @ParameterizedTest
  @ValueSource(strings = {"sd1", "xl"})
  void freeEverything(String family) throws IOException {
    Path model = TinyStableDiffusion.write(folder, family);
    long before = Scope.liveTensors();
    int refused = 0;
    for (Path file : files(model)) {
      byte[] whole = Files.readAllBytes(file);
      for (byte[] damaged :
          List.of(new byte[0], "[]".getBytes(), Arrays.copyOf(whole, whole.length / 2))) {
        Files.write(file, damaged);
        refused += fails(model) ? 1 : 0;
        assertWithMessage("%s", file).that(Scope.liveTensors()).isEqualTo(before);
      }
      Files.delete(file);
      refused += fails(model) ? 1 : 0;
      assertWithMessage("no %s", file).that(Scope.liveTensors()).isEqualTo(before);
      Files.write(file, whole);
    }
    assertThat(refused).isAtLeast(3 * 9);
    assertThat(fails(model)).isFalse();
  }

  @Test
  void anAutoencoderWithoutWeightsLeavesNothing() throws IOException {
    Path model = TinyStableDiffusion.write(folder, "sd1");
    Files.delete(model.resolve("vae/diffusion_pytorch_model.safetensors"));
    long before = Scope.liveTensors();
    assertThrows(SfumatoException.class, () -> AutoencoderFile.load(model));
    assertThat(Scope.liveTensors()).isEqualTo(before);
  }

  @Test
  void aModelWithoutItsIndexIsTold() throws IOException {
    Path model = TinyStableDiffusion.write(folder, "sd1");
    Files.delete(model.resolve("model_index.json"));
    SfumatoException e = assertThrows(SfumatoException.class, () -> DiffusionPipeline.load(model));
    assertThat(e).hasMessageThat().contains("lacks model_index.json");
  }

  @Test
  void aModelOfPixelsIsNotTakenForOneOfTexts() {
    Path pixels = Path.of("../models/faces");
    SfumatoException e =
        assertThrows(SfumatoException.class, () -> StableDiffusionPipeline.load(pixels));
    assertThat(e)
        .hasMessageThat()
        .isEqualTo(pixels + ": is not a text-to-image model: load it with DiffusionPipeline.load");
  }

  private static List<Path> files(Path folder) throws IOException {
    try (Stream<Path> all = Files.walk(folder)) {
      return all.filter(Files::isRegularFile).sorted().toList();
    }
  }

  private static boolean fails(Path model) {
    try (DiffusionPipeline pipeline = DiffusionPipeline.load(model)) {
      return false;
    } catch (SfumatoException e) {
      return true;
    }
  }
}
