package dev.sfumato.cli;

import static com.google.common.truth.Truth.assertThat;

import dev.sfumato.io.JsonFile;
import dev.sfumato.model.ClassConditioning;
import dev.sfumato.pipeline.PixelPipeline;
import dev.sfumato.pipeline.SmallModel;
import dev.sfumato.tensor.DType;
import dev.sfumato.tensor.Safetensors;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Models that are damaged, or of kinds that a command does not take. */
class OddModelsTest {
  private static final String WEIGHTS = "unet/diffusion_pytorch_model.safetensors";

  @TempDir Path folder;

  /** An untrained model of pictures of {@code channels}, 8 pixels high and {@code width} wide. */
  private Path model(int channels, int width) {
    return SmallModel.saved(
        folder.resolve("model"), channels, List.of(8, width), ClassConditioning.NONE);
  }

  private static void change(Path file, String name, float value) {
    try (Scope scope = Scope.open()) {
      Map<String, Tensor> weights = new HashMap<>(Safetensors.open(file).tensors());
      long[] shape = weights.get(name).shape();
      weights.put(name, Tensor.full(value, shape));
      Safetensors.write(file, weights, Map.of());
    }
  }

  private Calls.Result sample(String more, Object... places) {
    List<String> args = Calls.words("sample --steps 2 --scheduler ddim --threads 1");
    args.addAll(Calls.words(more, places));
    return Calls.run(args);
  }

  // ---- what is not a number

  @ParameterizedTest
  @ValueSource(strings = {"sample", "evaluate", "inspect", "finetune"})
  void aWeightThatIsNotANumberIsNamed(String command) throws IOException {
    Path model = model(3, 8);
    change(model.resolve(WEIGHTS), "conv_in.bias", Float.NaN);
    String call =
        switch (command) {
          case "inspect" -> "inspect " + model;
          case "sample" -> "sample --out " + folder.resolve("x.png") + " --model " + model;
          case "evaluate" -> "evaluate --count 2 --steps 2 --model " + model;
          default ->
              "finetune --max-steps 1 --model %s --data %s --output %s"
                  .formatted(
                      model, Calls.pictures(folder.resolve("data"), 2), folder.resolve("out"));
        };
    Calls.run(call).failsWith(1, "conv_in.bias holds NaN or infinity");
    assertThat(Files.exists(folder.resolve("x.png"))).isFalse();
  }

  @Test
  void aTensorFileThatHoldsNaNIsNotJustListed() {
    Path file = folder.resolve("x.safetensors");
    try (Scope scope = Scope.open()) {
      Tensor mask = Tensor.full(Float.NEGATIVE_INFINITY, 2);
      Safetensors.write(file, Map.of("mask", mask), Map.of());
      Calls.run("inspect " + file).succeeds();
      Tensor half = Tensor.full(Float.NaN, 2).to(DType.FLOAT16);
      Safetensors.write(file, Map.of("mask", mask, "half", half), Map.of());
    }
    Calls.run("inspect " + file).failsWith(1, "the tensor half holds NaN");
  }

  @Test
  void numbersThatGrowTooLargeAreNoBlackPicture() {
    Path model = model(3, 8);
    change(model.resolve(WEIGHTS), "conv_out.weight", Float.MAX_VALUE);
    Path out = folder.resolve("x.png");
    sample("--out %s --model %s", out, model).failsWith(1, "step 1 of 2: the network predicts NaN");
    assertThat(Files.exists(out)).isFalse();
  }

  @Test
  void scoresThatAreNotNumbersAreAnError() throws IOException {
    Path clip = SmallClip.saved(folder.resolve("clip"));
    Path weights = clip.resolve("open_clip_model.safetensors");
    Path picture = Calls.pictures(folder.resolve("data"), 1).resolve("a/0.png");
    String call = "clip --json --clip %s --image %s --text rose car";
    change(weights, "logit_scale", 1000);
    Calls.run(call, clip, picture).failsWith(1, "scores are not numbers");
    change(weights, "ln_final.weight", Float.MAX_VALUE);
    Calls.run(call, clip, picture).failsWith(1, "vectors of texts hold NaN or infinity");
    change(weights, "ln_final.weight", Float.NaN);
    Calls.run(call, clip, picture).failsWith(1, "ln_final.weight holds NaN or infinity");
  }

  @Test
  void aTextThatIsTooLongIsCutWithAWarning() throws IOException {
    Path clip = SmallClip.saved(folder.resolve("clip"));
    Path picture = Calls.pictures(folder.resolve("data"), 1).resolve("a/0.png");
    List<String> args = Calls.words("clip --clip %s --image %s --text rose", clip, picture);
    assertThat(Calls.run(args).err()).isEmpty();
    args.add("rose ".repeat(80));
    Calls.Result result = Calls.run(args);
    result.succeeds();
    assertThat(result.err()).contains("has 80 tokens: the model reads the first 75");
  }

  // ---- channels and sizes

  @Test
  void picturesWithOpacityAreDrawn() throws IOException {
    Path model = model(4, 8);
    Path out = folder.resolve("x.png");
    sample("--out %s --model %s", out, model).succeeds();
    assertThat(ImageIO.read(out.toFile()).getColorModel().hasAlpha()).isTrue();
    sample("--gif %s --model %s", folder.resolve("x.gif"), model)
        .failsWith(1, "4 channels, which do not fit into GIF");
  }

  @Test
  void picturesThatNoFileHoldsAreRefusedBeforeTheWork() {
    Path model = model(2, 8);
    Path tensor = folder.resolve("x.safetensors");
    sample("--out %s --model %s", folder.resolve("x.png"), model).failsWith(1, "2 channels, which");
    sample("--save-tensor %s --model %s", tensor, model).succeeds();
    assertThat(Safetensors.open(tensor).describe().get(0).shape()).containsExactly(1L, 2L, 8L, 8L);
  }

  @Test
  void aModelThatIsNotSquareIsNotTrainedOnSquaresUnasked() throws IOException {
    Path model = model(3, 16);
    Path data = Calls.pictures(folder.resolve("data"), 2);
    String call =
        "finetune --max-steps 1 --sample-count 0 --threads 1 --model %s --data %s --output %s";
    Path output = folder.resolve("out");
    Calls.run(call, model, data, output).failsWith(1, "8 x 16 pixels", "--resolution");
    assertThat(Files.exists(output)).isFalse();
    Calls.run(call + " --resolution 8", model, data, output).succeeds();
    assertThat(PixelPipeline.unetConfig(output).sampleSize()).containsExactly(8);
  }

  @ParameterizedTest
  @ValueSource(strings = {"sample", "inspect", "finetune", "evaluate"})
  void aLatentModelIsRefusedByName(String command) throws IOException {
    Path model = model(3, 8);
    JsonFile.write(
        model.resolve("model_index.json"),
        Map.of("_class_name", "LDMPipeline", "vqvae", List.of("diffusers", "VQModel")));
    Path data = Calls.pictures(folder.resolve("data"), 2);
    String call =
        switch (command) {
          case "inspect" -> "inspect ";
          case "finetune" ->
              "finetune --data %s --output %s --model ".formatted(data, folder.resolve("o"));
          default -> command + " --model ";
        };
    Calls.run(call + model).failsWith(1, "LDMPipeline with vqvae (VQModel)");
  }

  // ---- names

  @Test
  void namesInAFileDoNotReachTheTerminalAsCommands() {
    Path file = folder.resolve("x.safetensors");
    try (Scope scope = Scope.open()) {
      Safetensors.write(
          file,
          Map.of("a\u001b[31m\u009b2J" + "n".repeat(1000), Tensor.zeros(2)),
          Map.of("k\u009b", "\u001b]0;title\u0007\u202e"));
    }
    Calls.Result result = Calls.run("inspect " + file);
    result.succeeds();
    assertThat(result.out()).contains("a?[31m?2Jnnn");
    assertThat(result.out()).doesNotContainMatch("[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]");
    assertThat(result.out().lines().mapToInt(String::length).max().orElse(0)).isLessThan(500);
  }
}
