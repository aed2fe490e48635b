package dev.sfumato.cli;

import static com.google.common.truth.Truth.assertThat;

import dev.sfumato.tensor.Safetensors;
import dev.sfumato.tensor.Scope;
import java.awt.image.BufferedImage;
import java.io.File;
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

class GuidedSampleTest {
  private static final int GRAY = 0x808080;
  private static final int WHITE = 0xffffff;

  @TempDir static Path shared;
  @TempDir Path folder;
  private static Path model;

  @BeforeAll
  static void trainAModel() throws IOException {
    model = Calls.model(shared, "");
  }

  private Calls.Result sample(String more, Object... places) {
    return Calls.run(call(more, places));
  }

  private List<String> call(String more, Object... places) {
    List<String> args = Calls.words("sample --steps 4 --scheduler ddim --out");
    args.add(folder.resolve("out.png").toString());
    args.addAll(Calls.words(more, places));
    args.addAll(List.of("--model", model.toString()));
    return args;
  }

  private float[] images(String more, Object... places) {
    Path file = folder.resolve("images.safetensors");
    sample(more + " --save-tensor " + file, places).succeeds();
    try (Scope scope = Scope.open()) {
      return Safetensors.open(file).tensor("images").toFloats();
    }
  }

  private Path picture(String name, int width, int height, int left, int right) throws IOException {
    BufferedImage image = new BufferedImage(width, height, BufferedImage.TYPE_INT_RGB);
    for (int i = 0; i < width * height; i++) {
      image.setRGB(i % width, i / width, i % width < width / 2 ? left : right);
    }
    File file = folder.resolve(name).toFile();
    ImageIO.write(image, "png", file);
    return file.toPath();
  }

  @Test
  void optionsAfterAGuideBelongToIt() throws IOException {
    Path trace = folder.resolve("trace.csv");
    sample(
            "--guide color=#1ae680 --scale 5 --until 0.5 --guide color=1,0,0 --from 0.5"
                + " --schedule linear_down --guide tv --scale 0 --gradient exact --count 2"
                + " --batch-size 1 --guidance-clamp 0.1 --trace %s",
            trace)
        .succeeds();
    List<String> rows = Files.readAllLines(trace);
    assertThat(rows.get(0))
        .isEqualTo("step,timestep,loss.color,loss.color_2,loss.tv,gradient_norm");
    assertThat(rows).hasSize(5);
    assertThat(rows.get(1)).matches("1,15,0\\.\\d+,,\\d.*,\\d.*");
    assertThat(rows.get(3)).matches("3,5,,\\d\\.\\d+,\\d.*,\\d.*");
  }

  @Test
  void theColourIsMoreThere() {
    float[] plain = images("--count 2");
    float[] guided = images("--count 2 --guide color=1,1,1 --scale 200");
    assertThat(mean(guided)).isGreaterThan(mean(plain) + 0.3);
  }

  private static double mean(float[] values) {
    double sum = 0;
    for (float value : values) {
      sum += Math.max(-1, Math.min(1, value));
    }
    return sum / values.length;
  }

  @Test
  void theBatchSizeDoesNotChangeAnExactlyGuidedPicture() {
    String guided = "--count 3 --guide color=0,1,0 --scale 20 --gradient exact";
    float[] together = images(guided);
    assertThat(images(guided + " --batch-size 1"))
        .usingTolerance(1e-3)
        .containsExactly(together)
        .inOrder();
  }

  @Test
  void pixelsUnderABlackMaskAreKept() throws IOException {
    Path gray = picture("gray.png", 8, 8, GRAY, GRAY);
    Path mask = picture("mask.png", 8, 8, 0, WHITE);
    float[] images = images("--inpaint %s --mask %s --recurrence 2", gray, mask);
    assertThat(images("--init-image %s --mask %s --recurrence 2", gray, mask)).isEqualTo(images);
    float kept = (128 / 255f - 0.5f) / 0.5f;
    int drawn = 0;
    for (int i = 0; i < images.length; i++) {
      if (i % 8 < 4) {
        assertThat(images[i]).isEqualTo(kept);
      } else if (images[i] != kept) {
        drawn++;
      }
    }
    assertThat(drawn).isEqualTo(images.length / 2);
  }

  @Test
  void aReferenceOfAnySizeWillDo() throws IOException {
    Path wide = picture("wide.png", 40, 10, 0, WHITE);
    sample("--guide reference=" + wide + " --low-pass 4 --scale 10").succeeds();
  }

  @Test
  void everyRefinementRuns() {
    sample(
            "--guide color=0,0,1 --scale 3 --recurrence 2 --backward-steps 2 --backward tfg"
                + " --smoothing-samples 2 --guide symmetry=vertical --guide oversaturation")
        .succeeds();
  }

  @Test
  void aScaleThatBlowsThePicturesUpIsWarnedOf() {
    Calls.Result result = sample("--guide color=0,0,1 --scale 1e7");
    result.succeeds();
    assertThat(result.err()).contains("step 1 of 4: the guides make the pictures blow up");
  }

  @Test
  void aDrawingThatAnyProcessStartsWarns() throws IOException, InterruptedException {
    Path log = folder.resolve("log");
    List<String> call = call("--guide color=0,0,1 --scale 1e7");
    assertThat(Calls.shell(log, "RANK=1 exec \"$@\"", call).waitFor()).isEqualTo(0);
    assertThat(Files.readString(log)).contains("the guides make the pictures blow up");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "--guide colour=red | guide 'colour' is unknown: use color, clip",
        "--guide colour=red | or oversaturation; did you mean color?",
        "--guide color | guide color needs a value",
        "--guide color=1,0,2 | lie between 0 and 1, not at 2.0",
        "--guide color=#12345g | neither like #1ae680",
        "--guide brightness=2 | brightness must lie between 0 and 1",
        "--guide contrast=much | contrast 'much' is not a number",
        "--guide symmetry=radial | symmetry 'radial' is unknown",
        "--guide class=seven | the classifier has no class 'seven': its classes are 0, 1, 2",
        "--guide class=1,10 | the classifier has no class '10'",
        "--guide tv --schedule cosine | schedule 'cosine' is unknown",
        "--guide tv --from 0.5 --until 0.5 | from 0.5 and until 0.5",
        "--guide tv --scale NaN | scale must be a number",
        "--guide tv --scale 1 --scale 2 | --scale is given twice for one --guide",
        "--scale 5 | --scale belongs to a --guide",
        "--from 0.5 --guide tv | --from belongs to a --guide",
        "--gradient both | both",
        "--guidance-clamp 0 | the gradient clamp must be above 0",
        "--guidance-clamp little | gradient clamp 'little'",
        "--recurrence 0 | recurrence must be at least 1",
        "--backward-steps=-1 | backward-steps must be at least 0",
        "--mask m.png | --mask needs --init-image",
        "--class-guidance-from 0.7 --class-guidance-until 0.2 | must rise",
        "--class-guidance-rescale 2 | between 0 and 1",
      })
  void aWrongCallIsOneLineAndStatusTwo(String options, String words) {
    sample(options).failsWith(2, words);
    assertThat(Calls.files(folder)).isEmpty();
  }

  @Test
  void inpaintedPicturesAreResizedToTheModelsSize() throws IOException {
    Path wide = picture("wide.png", 32, 16, GRAY, GRAY); // its middle, halved
    Path mask = picture("mask.png", 48, 24, 0, WHITE);
    float[] images = images("--inpaint %s --mask %s", wide, mask);
    float kept = (128 / 255f - 0.5f) / 0.5f;
    for (int i = 0; i < images.length; i++) {
      if (i % 8 < 4) {
        assertThat(images[i]).isEqualTo(kept);
      } else {
        assertThat(images[i]).isNotEqualTo(kept);
      }
    }
  }

  @Test
  void coloursHaveTheNamesOfCss() {
    float[] named = images("--guide color=RebeccaPurple --gradient exact");
    assertThat(named).isEqualTo(images("--guide color=#663399 --gradient exact"));
    assertThat(named).isNotEqualTo(images("--guide color=green --gradient exact"));
    sample("--guide color=gren")
        .failsWith(2, "colour 'gren' is neither", "; did you mean green or ");
  }

  @ParameterizedTest
  @ValueSource(strings = {"--guide reference=nowhere.png", "--guide class=1 --classifier nowhere"})
  void missingFilesAreNamed(String options) {
    sample(options).failsWith(1, "nowhere");
  }

  @Test
  void whatDoesNotFitIsOneLine() throws IOException {
    Path gray = picture("gray.png", 8, 8, GRAY, GRAY);
    Path narrow = picture("narrow.png", 4, 8, 0, WHITE);
    sample("--inpaint %s --mask %s", gray, narrow)
        .failsWith(1, "narrow.png: the mask is 4 x 8 pixels, but the picture 8 x 8");
    sample("--guide class=1").failsWith(1, "the classifier reads pictures (N, 1, 28, 28)");
    Path schedule = Files.writeString(folder.resolve("schedule"), "1 2 3");
    sample("--guide tv --schedule %s", schedule)
        .failsWith(1, "holds 3 numbers, but the sampling has 4 steps");
  }
}
