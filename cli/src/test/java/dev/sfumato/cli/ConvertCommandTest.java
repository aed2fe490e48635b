package dev.sfumato.cli;

import static com.google.common.truth.Truth.assertThat;
import static dev.sfumato.tensor.TensorSubject.assertThat;

import dev.sfumato.pipeline.TinyStableDiffusion;
import dev.sfumato.tensor.DType;
import dev.sfumato.tensor.Golden;
import dev.sfumato.tensor.Safetensors;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code convert}, {@code --lora} and {@code --vae}. */
class ConvertCommandTest {
  @TempDir static Path shared;
  @TempDir Path folder;
  private static Path model;
  private static Path lora;

  @BeforeAll
  static void writeAModel() throws IOException {
    model = TinyStableDiffusion.write(shared.resolve("rose"), "sd1");
    lora = shared.resolve("lora.safetensors");
    Files.copy(Golden.path("lora/sd1_kohya.safetensors"), lora);
  }

  private Tensor drawn(Path from, String more) {
    Path tensor = folder.resolve("drawn.safetensors");
    Calls.run(
            "sample --model %s --prompt rose --steps 2 --seed 3 --width 16 --height 16"
                + " --save-tensor %s "
                + more,
            from,
            tensor)
        .succeeds();
    return Safetensors.open(tensor).tensor("images");
  }

  private static Calls.Result convert(String more, Object... places) {
    return Calls.run("convert " + more, places);
  }

  @Test
  void aFileAndADirectoryAgainDrawTheSame() {
    Path file = folder.resolve("rose.safetensors");
    Path again = folder.resolve("again");
    convert("--model %s --output %s", model, file).succeeds();
    convert("--model %s --output %s", file, again).succeeds();
    try (Scope scope = Scope.open()) {
      Tensor picture = drawn(model, "").copy();
      assertThat(drawn(file, "")).isWithin(0).of(picture);
      assertThat(drawn(again, "")).isWithin(0).of(picture);
    }
  }

  @Test
  void mergesALoraAndHalvesTheWeights() {
    Path merged = folder.resolve("merged");
    Path half = folder.resolve("half.safetensors");
    convert("--model %s --output %s --lora %s", model, merged, lora + ":0.7").succeeds();
    convert("--model %s --output %s --precision fp16", merged, half).succeeds();
    try (Scope scope = Scope.open()) {
      Tensor live = drawn(model, "--lora " + lora + ":0.7").copy();
      assertThat(drawn(merged, "")).isWithin(0).of(live);
      assertThat(Safetensors.open(half).tensors().values().iterator().next().dtype())
          .isEqualTo(DType.FLOAT16);
    }
  }

  @Test
  void wrongCallsLeaveNothingBehind() throws IOException {
    convert("--model %s --output %s", model, model).failsWith(2, "exists");
    Path out = folder.resolve("out");
    convert("--model %s --output %s", model, out + ".ckpt").failsWith(2, ".safetensors");
    Path broken = Files.writeString(folder.resolve("broken.safetensors"), "no tensors");
    convert("--model %s --output %s", broken, out).failsWith(1, "broken.safetensors");
    convert("--model %s --output %s --lora %s", model, out, broken).failsWith(1, "broken");
    assertThat(Calls.files(folder)).containsExactly(broken.getFileName());
  }
}
