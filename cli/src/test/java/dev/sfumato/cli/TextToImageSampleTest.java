package dev.sfumato.cli;

import static com.google.common.truth.Truth.assertThat;
import static com.google.common.truth.Truth.assertWithMessage;
import static dev.sfumato.tensor.TensorSubject.assertThat;

import dev.sfumato.picture.PictureReader;
import dev.sfumato.picture.Pixels;
import dev.sfumato.pipeline.TinyStableDiffusion;
import dev.sfumato.tensor.Golden;
import dev.sfumato.tensor.Safetensors;
import dev.sfumato.tensor.Scope;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** {@code sample --prompt}. */
class TextToImageSampleTest {
  @TempDir static Path shared;
  @TempDir Path folder;
  private static Path model;

  @BeforeAll
  static void writeAModel() {
    model = TinyStableDiffusion.write(shared.resolve("rose"), "sd1");
  }

  private static Calls.Result sample(String more, Object... places) {
    List<String> args = Calls.words("sample --model %s", model);
    args.addAll(Calls.words(more, places));
    return Calls.run(args);
  }

  private static void assertDrawn(Path file, String part, Golden golden, String name) {
    try (Scope scope = Scope.open()) {
      assertThat(Safetensors.open(file).tensor(part)).isWithin(1e-3).of(golden.tensor(name));
    }
  }

  @Test
  void drawsWhatDiffusersDrawsOfEachPrompt() throws IOException {
    Path tensor = folder.resolve("rose.safetensors");
    Path pictures = folder.resolve("pictures");
    Path prompts = Files.writeString(folder.resolve("prompts.txt"), "a red rose\n\ntwo cats\n");
    sample(
            "--prompts %s --count 2 --width 24 --height 16 --steps 6 --seed 7"
                + " --scheduler euler_ancestral --save-tensor %s --out-dir %s",
            prompts, tensor, pictures)
        .succeeds();
    assertDrawn(tensor, "images", TinyStableDiffusion.GOLDEN, "sd1_euler_ancestral.images");
    assertDrawn(tensor, "latents", TinyStableDiffusion.GOLDEN, "sd1_euler_ancestral.latents");
    assertThat(Calls.files(pictures)).hasSize(4);
    String png =
        new String(Files.readAllBytes(pictures.resolve("00002.png")), StandardCharsets.ISO_8859_1);
    assertThat(png)
        .contains(
            "tEXtparameters\0two cats\nSteps: 6, Sampler: Euler a, CFG scale: 7.5, Seed: 7,"
                + " Size: 24x16, Model: rose");
  }

  @ParameterizedTest
  @CsvSource({
    "dpmsolver++ --scheduler-option use_karras_sigmas=true, 'DPM++ 2M, Schedule type: Karras'",
    "dpmsolver++ --scheduler-option algorithm_type=sde-dpmsolver++, DPM++ 2M SDE",
    "euler --scheduler-option use_beta_sigmas=true, 'Euler, Schedule type: Beta'"
  })
  void aPictureNamesItsSamplerAsWebInterfacesDo(String scheduler, String name) throws IOException {
    Path png = folder.resolve("named.png");
    sample("--prompt rose --width 8 --height 8 --steps 3 --out %s --scheduler " + scheduler, png)
        .succeeds();
    assertThat(Files.readString(png, StandardCharsets.ISO_8859_1))
        .contains("Sampler: " + name + ", CFG scale");
  }

  @Test
  void promptsThatCannotBeReadAreToldInPlainWords() throws IOException {
    Path missing = folder.resolve("none.txt");
    sample("--prompts %s", missing).failsWith(2, missing + ": cannot be read: no such file");
    Path latin = Files.write(folder.resolve("latin.txt"), new byte[] {'r', (byte) 0xe9, '\n'});
    sample("--prompts %s", latin).failsWith(2, latin + ": is not UTF-8");
  }

  @Test
  void aNegativePromptWithoutGuidanceIsTold() {
    Path out = folder.resolve("unguided.png");
    String call = "--prompt rose --steps 1 --width 16 --height 16 --out %s --negative-prompt %s";
    String told = "warning: --negative-prompt has no effect without classifier-free guidance";
    assertThat(sample(call + " --guidance-scale 1", out, "cat").succeeds().err()).contains(told);
    assertThat(sample(call + " --guidance-scale 2", out, "cat").succeeds().err())
        .doesNotContain("warning");
  }

  @Test
  void pngFileTellsHowMuchOfAPictureWasChanged() throws IOException {
    Path out = folder.resolve("changed.png");
    sample(
            "--prompt rose --steps 2 --init-image %s --strength 0.6 --scheduler ddim --out %s",
            Golden.path("sd_picture_16x16.png"), out)
        .succeeds();
    assertThat(Files.readString(out, StandardCharsets.ISO_8859_1))
        .contains("Size: 16x16, Model: rose, Denoising strength: 0.6");
  }

  @ParameterizedTest
  @ValueSource(strings = {"--init-image", "--inpaint"})
  void completesAPictureAsDiffusersDoes(String option) {
    Path tensor = folder.resolve("completed.safetensors");
    sample(
            "--prompt %s --steps 6 --seed 7 %s %s --mask %s --save-tensor %s",
            "a red rose",
            option,
            Golden.path("sd_picture_16x16.png"),
            Golden.path("sd_mask_16x16.png"),
            tensor)
        .succeeds();
    assertDrawn(tensor, "images", TinyStableDiffusion.GOLDEN, "sd1_mask.images");
    assertDrawn(tensor, "latents", TinyStableDiffusion.GOLDEN, "sd1_mask.latents");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "tiny --scale 40 --scheduler ddim --steps 6 --count 2 --guide-vae %s",
        "tiny_exact --scale 40 --scheduler ddim --steps 6 --count 2 --guide-vae %s"
            + " --gradient exact --gradient-checkpointing",
      })
  void guidesLookThroughASmallDecoder(String call) {
    String[] words = call.split(" ", 2);
    Golden golden = Golden.read("latent_guidance");
    Path tiny =
        TinyStableDiffusion.writeTiny(folder.resolve("tiny"), golden.document().get("tiny"));
    Path tensor = folder.resolve("guided.safetensors");
    sample(
            "--prompt %s --guidance-scale 3 --seed 1 --save-tensor %s --guide color=0.1,0.9,0.5 "
                + words[1],
            "a red rose",
            tensor,
            tiny)
        .succeeds();
    assertDrawn(tensor, "images", golden, words[0]);
    sample("--prompt rose --guide color=red --guide-vae %s", model)
        .failsWith(1, "_class_name is AutoencoderKL");
  }

  @Test
  void guidesFollowTheRuleOfTheCommunityPipeline() {
    Path tensor = folder.resolve("guided.safetensors");
    sample(
            "--prompt %s --guidance-scale 3 --seed 0 --steps 8 --guidance-rule clip_guided"
                + " --gradient exact --guide %s --clip %s --cuts 4 --cut-pool 1 --scale 300"
                + " --save-tensor %s",
            "a red rose",
            "clip=the sea",
            Path.of("../core/src/test/resources/golden/guidance/clip"),
            tensor)
        .succeeds();
    assertDrawn(tensor, "images", Golden.read("latent_guidance"), "cuts_pndm");
  }

  @Test
  void tilesAreThoseOfDiffusers() {
    Path tensor = folder.resolve("tiled.safetensors");
    sample(
            "--prompt %s --count 2 --width 40 --height 24 --steps 6 --seed 7 --scheduler ddim"
                + " --vae-tiling --save-tensor %s",
            "a red rose", tensor)
        .succeeds();
    assertDrawn(tensor, "images", TinyStableDiffusion.GOLDEN, "sd1_tiled.images");
  }

  @Test
  void flaggedPicturesAreBlackInEveryFile() throws IOException {
    Path checked = TinyStableDiffusion.writeChecked(folder.resolve("checked"));
    String call =
        "sample --model %s --prompt %s --count 4 --rows 1 --width 24 --height 32 --steps 6 --seed 7"
            + " --scheduler ddim --preview --out %s --gif %s";
    Path grid = folder.resolve("grid.png");
    Path gif = folder.resolve("grid.gif");
    Calls.run(call, checked, "a red rose", grid, gif).succeeds();
    for (Path file : List.of(grid, folder.resolve("grid-preview.png"), gif)) {
      Pixels pixels = PictureReader.read(file);
      for (int n = 0; n < 4; n++) { // enlarged twice, with lines of two pixels
        Pixels picture = pixels.crop(2, 2 + n * 50, 64, 48);
        byte[] values = picture.values();
        boolean black = IntStream.range(0, values.length).allMatch(i -> values[i] == 0);
        assertWithMessage("%s, %s", file, n).that(black).isEqualTo(n < 3);
      }
    }
    Calls.run(call + " --no-safety-checker", checked, "a red rose", grid, gif).succeeds();
    assertThat(PictureReader.read(grid).at(0, 30, 30)).isNotEqualTo(0);
  }

  @Test
  void aPreviewIsWrittenBesideTheOutput() {
    Path picture = folder.resolve("rose.png");
    sample("--prompt rose --steps 2 --preview --out %s", picture).succeeds();
    assertThat(PictureReader.read(folder.resolve("rose-preview.png")).values())
        .isEqualTo(PictureReader.read(picture).values());
  }

  @Test
  void aRefinerTakesTheLastSteps() {
    Path xl = TinyStableDiffusion.write(folder.resolve("xl"), "xl");
    Path refiner = TinyStableDiffusion.write(folder.resolve("refiner"), "refiner");
    Path tensor = folder.resolve("refined.safetensors");
    Calls.run(
            "sample --model %s --prompt %s --steps 6 --seed 7 --refiner %s --refiner-start 0.6"
                + " --save-tensor %s",
            xl, "a red rose", refiner, tensor)
        .succeeds();
    assertDrawn(tensor, "images", TinyStableDiffusion.GOLDEN, "xl_refined.images");
    sample("--prompt rose --refiner %s", refiner).failsWith(1, "does not go with");
  }

  @Test
  void aLearnedWordIsDrawn() {
    Path one = folder.resolve("one.safetensors");
    Path other = folder.resolve("other.safetensors");
    Path word = Golden.path("textual_inversion/three.safetensors");
    String call = "--prompt zebra --steps 2 --textual-inversion %s --save-tensor %s";
    sample(call, word + "=zebra", one).succeeds();
    sample(call, word, other).succeeds();
    try (Scope scope = Scope.open()) {
      double apart =
          Safetensors.open(one)
              .tensor("images")
              .sub(Safetensors.open(other).tensor("images"))
              .abs()
              .max()
              .item();
      assertThat(apart).isGreaterThan(0.01);
    }
    sample("--prompt rose --textual-inversion nowhere.pt").failsWith(1, "nowhere.pt");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "--steps 2                                              | give a prompt",
        "--prompt rose --class 3                                | class-conditioned",
        "--prompt rose --class-guidance-scale 2                 | guidance scale",
        "--prompt rose --width 15                               | not a multiple",
        "--prompt rose --guidance-rescale 2                     | rescale",
        "--prompt rose --clip-skip -1                           | --clip-skip",
        "--prompt rose --lora style.safetensors:nan             | scale of a LoRA must be finite",
        "--prompt rose --lora org/name:-Inf                     | must be finite, but is -Infinity",
      })
  void whatDoesNotSuitIsAWrongCall(String options, String message) {
    sample(options + " --out %s", folder.resolve("no.png")).failsWith(2, message);
    assertThat(Files.exists(folder.resolve("no.png"))).isFalse();
  }
}
