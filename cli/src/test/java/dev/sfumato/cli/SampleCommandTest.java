package dev.sfumato.cli;

import static com.google.common.truth.Truth.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.sfumato.picture.PictureReader;
import dev.sfumato.tensor.Safetensors;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class SampleCommandTest {
  @TempDir static Path shared;
  @TempDir Path folder;
  private static Path model;

  @BeforeAll
  static void trainAModel() throws IOException {
    model = Calls.model(shared, "--class-conditioning embedding --class-dropout 0.1");
  }

  private Calls.Result sample(String more, Object... places) {
    List<String> args = Calls.words("sample --steps 3 --scheduler ddim");
    args.addAll(Calls.words(more, places));
    args.addAll(List.of("--model", model.toString()));
    return Calls.run(args);
  }

  @Test
  void writesEveryKindOfFile() throws IOException {
    Path grid = folder.resolve("new/grid.png");
    Path pictures = folder.resolve("pictures");
    Path gif = folder.resolve("steps.gif");
    Path tensor = folder.resolve("images.safetensors");
    Calls.Result result =
        sample(
            "--class 0,1 --count 6 --rows 2 --class-guidance-scale 2 --out %s --out-dir %s"
                + " --gif %s --save-tensor %s",
            grid, pictures, gif, tensor);
    result.succeeds();
    assertThat(result.out().lines().toList())
        .containsExactly(grid.toString(), pictures.toString(), gif.toString(), tensor.toString());
    assertThat(ImageIO.read(grid.toFile()).getWidth())
        .isGreaterThan(ImageIO.read(grid.toFile()).getHeight());
    assertThat(Calls.files(pictures)).hasSize(6);
    assertThat(ImageIO.read(pictures.resolve("00000.png").toFile()).getWidth()).isEqualTo(8);
    assertThat(Files.size(gif)).isGreaterThan(100);
    assertThat(Safetensors.open(tensor).describe().get(0).shape())
        .containsExactly(6L, 3L, 8L, 8L)
        .inOrder();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "pndm",
        "lms",
        "euler",
        "euler_ancestral",
        "heun",
        "dpmsolver++",
        "dpmsolver_singlestep",
        "dpmsolver_sde",
        "deis",
        "unipc"
      })
  void everySchedulerOfTheContractSamples(String scheduler) {
    Path picture = folder.resolve("picture.png");
    Calls.run(
            "sample --model %s --steps 4 --scheduler %s --out %s".formatted("%s", scheduler, "%s"),
            model,
            picture)
        .succeeds();
    assertThat(Files.exists(picture)).isTrue();
  }

  @Test
  void theBatchSizeDoesNotChangeThePictures() throws IOException {
    Path together = folder.resolve("together.png");
    Path oneByOne = folder.resolve("one-by-one.png");
    sample("--count 5 --eta 1 --out %s", together).succeeds();
    sample("--count 5 --eta 1 --batch-size 1 --out %s", oneByOne).succeeds();
    assertThat(Files.mismatch(together, oneByOne)).isEqualTo(-1);
  }

  @Test
  void aPreviewIsWrittenBesideTheFirstOutput() throws IOException {
    Path pictures = folder.resolve("pictures");
    sample("--count 2 --preview --out-dir %s", pictures).succeeds();
    assertThat(ImageIO.read(folder.resolve("pictures-preview.png").toFile()).getWidth())
        .isEqualTo(2 + 16 + 2 + 16 + 2);
  }

  @ParameterizedTest
  @CsvSource({
    "--textual-inversion word.pt, --textual-inversion needs a text-to-image model",
    "--variant fp16, --variant",
    "--vae-tiling, --vae-tiling",
  })
  void optionsOfTextToImageModelsAreWrongCalls(String options, String message) {
    sample(options + " --out %s", folder.resolve("no.png")).failsWith(2, message);
    assertThat(Files.exists(folder.resolve("no.png"))).isFalse();
  }

  @Test
  void theSeedDecides() throws IOException {
    Path first = folder.resolve("first.safetensors");
    Path again = folder.resolve("again.safetensors");
    Path other = folder.resolve("other.safetensors");
    sample("--save-tensor %s", first).succeeds();
    sample("--save-tensor %s --seed 0", again).succeeds();
    sample("--save-tensor %s --seed 1", other).succeeds();
    assertThat(Files.mismatch(first, again)).isEqualTo(-1);
    assertThat(Files.mismatch(first, other)).isAtLeast(0);
  }

  @Test
  void ddpmTakesAllTimestepsOfTheModel() {
    Path out = folder.resolve("out.png");
    Calls.run("sample --model %s --out %s", model, out).succeeds();
    Calls.run("sample --model %s --out %s --steps 21", model, out).failsWith(1, "21", "20");
  }

  @Test
  void etaWithASchedulerThatHasNoneIsTold() {
    String told = "warning: --eta has no effect with EulerDiscreteScheduler: use ddim or tcd";
    String sample = "sample --model %s --out %s --steps 2 --eta 0.5 --scheduler ";
    Path out = folder.resolve("out.png");
    assertThat(Calls.run(sample + "euler", model, out).succeeds().err()).contains(told);
    assertThat(Calls.run(sample + "ddim", model, out).succeeds().err()).doesNotContain("--eta");
  }

  @ParameterizedTest
  @CsvSource({
    "--gradient exact, --gradient, a --guide",
    "--guide color=red --gradient exact, , ",
    "--guide color=red --backward-scale 2, --backward-scale, --backward-steps",
    "--guide color=red --smoothing-gamma 0.5, --smoothing-gamma, --smoothing-samples",
    "--class-guidance-rescale 0.7, --class-guidance-rescale, --class-guidance-scale",
    "--refiner-start 0.5, --refiner-start, --refiner"
  })
  void optionsWithoutThoseThatTheyNeedAreTold(String options, String option, String need) {
    String told =
        Calls.run(
                "sample --model %s --out %s --steps 2 " + options, model, folder.resolve("out.png"))
            .succeeds()
            .err();
    if (option == null) {
      assertThat(told).doesNotContain("has no effect");
    } else {
      assertThat(told).contains("warning: " + option + " has no effect: it needs " + need);
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "--scheduler eulerian",
        "--steps 0",
        "--steps few",
        "--eta 2",
        "--count 0",
        "--count -3",
        "--batch-size 0",
        "--class seven",
        "--class-guidance-scale NaN",
        "--rows 0",
        "--device tpu",
        "--frames 3",
      })
  void aWrongCallIsOneLineAndStatusTwo(String options) {
    Calls.run("sample --model %s --out %s " + options, model, folder.resolve("out.png"))
        .failsWith(2, "see sfumato sample --help");
    assertThat(Calls.files(folder)).isEmpty();
  }

  @Test
  void classesHaveNames() throws IOException {
    Path byName = folder.resolve("name.png");
    Path byLabel = folder.resolve("label.png");
    sample("--class b,a --out %s", byName).succeeds();
    sample("--class 1,0 --out %s", byLabel).succeeds();
    assertThat(Files.mismatch(byName, byLabel)).isEqualTo(-1);
    sample("--class c").failsWith(2, "the model has no class 'c': its classes are a, b");
    assertThat(Calls.run("inspect %s", model).out()).contains("2 by embedding: a, b");
    assertThat(Files.readString(model.resolve("README.md"))).contains("2, as embedding: a, b");
    assertThat(Files.readString(model.resolve("README.md"))).contains("--class a ");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "--class 2 | class 2 is out of range: the model knows 0 to 1",
        "--class=-1 | class -1 is out of range",
      })
  void aFailureIsOneLineAndLeavesNothing(String options, String words) {
    sample(options + " --out %s", folder.resolve("out.png")).failsWith(1, words);
    assertThat(Calls.files(folder)).isEmpty();
  }

  @Test
  void aModelThatIsNoneIsSaidSo() throws IOException {
    Calls.run("sample --model %s", folder.resolve("nowhere"))
        .failsWith(1, "nowhere: there is no such model directory");
    Calls.run("sample --model %s", Files.createDirectory(folder.resolve("empty")))
        .failsWith(1, "empty: is not a model directory");
    Calls.run("inspect %s", folder.resolve("nowhere")).failsWith(1, "nowhere");
    Path garbage = Files.writeString(folder.resolve("a.safetensors"), "garbage");
    Calls.run("inspect %s", garbage).failsWith(1, garbage.toString());
    Calls.run("inspect").failsWith(2, "DIR|FILE");
  }

  @Test
  void aFullDiskIsOneLine() {
    Path full = Path.of("/dev/full");
    assumeTrue(Files.isWritable(full), "this system has no /dev/full");
    for (String option : List.of("--out", "--gif", "--save-tensor")) {
      sample(option + " %s", full)
          .failsWith(1, "/dev/full: cannot be written: No space left on device");
    }
  }

  @Test
  void placesThatCannotBeWrittenAreNamed() {
    sample("--out %s", folder).failsWith(1, folder + ": cannot be written: it is a directory");
    sample("--out %s", model.resolve("model_index.json/x.png"))
        .failsWith(1, "cannot be written: a file is in the way");
  }

  @Test
  void placesAreTriedBeforeTheDrawing() {
    Path tensor = folder.resolve("a.safetensors");
    String call = "--save-tensor %s --out-dir %s";
    sample(call, tensor, model.resolve("model_index.json")).failsWith(1, "a file is in the way");
    assertThat(Files.exists(tensor)).isFalse();
  }

  @Test
  void theEndingOfOutSaysTheFormat() throws IOException {
    for (String name : List.of("a.jpg", "b.JPEG", "c.png")) {
      Path file = folder.resolve(name);
      sample("--out %s", file).succeeds();
      assertThat(PictureReader.read(file).width()).isEqualTo(16);
      byte[] bytes = Files.readAllBytes(file);
      assertThat(bytes[0]).isEqualTo((byte) (name.endsWith("png") ? 0x89 : 0xff));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"--out a.webp", "--out a", "--out png", "--out jpg/a", "--gif a.png"})
  void otherEndingsAreRefused(String options) {
    sample(options).failsWith(2, "end ");
  }

  @Test
  void aSettingOfTheSchedulerCanBeChanged() throws IOException {
    Path tensor = folder.resolve("images.safetensors");
    sample("--save-tensor %s", tensor).succeeds();
    byte[] plain = Files.readAllBytes(tensor);
    sample("--scheduler-option clip_sample=true --save-tensor %s", tensor).succeeds();
    assertThat(Files.readAllBytes(tensor)).isEqualTo(plain);
    sample(
            "--scheduler-option timestep_spacing=trailing --scheduler-option clip_sample=false"
                + " --save-tensor %s",
            tensor)
        .succeeds();
    assertThat(Files.readAllBytes(tensor)).isNotEqualTo(plain);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "treshold=true | is not a setting of ddim; did you mean thresholding",
        "xyz=1 | is not a setting of ddim, which has beta_end, ",
        "thresholding=1 | thresholding must be true or false, not 1",
        "timestep_spacing=wide | is unknown: use one of",
        "thresholding | --scheduler-option",
      })
  void aWrongSettingOfTheSchedulerIsAWrongCall(String option, String words) {
    sample("--scheduler-option %s", option).failsWith(2, words);
    Calls.run("evaluate --count 1 --scheduler-option %s --model %s", option, model)
        .failsWith(2, words);
  }
}
