package dev.sfumato.run;

import static com.google.common.truth.Truth.assertThat;

import dev.sfumato.data.DataOptions;
import dev.sfumato.data.Masks;
import dev.sfumato.picture.Png;
import dev.sfumato.pipeline.TinyStableDiffusion;
import dev.sfumato.tensor.Device;
import dev.sfumato.training.StepReport;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntBinaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The sample grids of inpainting models complete pictures of the data. */
class InpaintingSamplesTest {
  private static final int SIDE = 32;

  @TempDir Path folder;
  private final List<String> tasks = new ArrayList<>();

  private static int noise(int x, int y) {
    return (x * 31 + y * 17) * (x + 7) * 7919;
  }

  private static boolean isMiddle(int x, int y) {
    return Math.min(x, y) >= SIDE / 4 && Math.max(x, y) < SIDE - SIDE / 4;
  }

  private void write(String file, IntBinaryOperator color) throws IOException {
    BufferedImage picture = new BufferedImage(SIDE, SIDE, BufferedImage.TYPE_INT_RGB);
    for (int i = 0; i < SIDE * SIDE; i++) {
      picture.setRGB(i % SIDE, i / SIDE, color.applyAsInt(i % SIDE, i / SIDE));
    }
    Png.write(folder.resolve("pictures").resolve(file), picture);
  }

  /** Returns the grid before the first step on what lies in the folder of pictures. */
  private byte[] grid(String output, DataOptions reading) throws IOException {
    String model =
        TinyStableDiffusion.write(folder.resolve("model of " + output), "sd1_masks").toString();
    Path run = folder.resolve(output);
    Training.fineTuning(model, folder.resolve("pictures").toString(), run)
        .withPictures(reading.withTexts(DataOptions.Texts.OPTIONAL.withPrompt("a cup")))
        .withOptions(options -> options.withMaxSteps(1))
        .withWatch(WatchOptions.quiet().withSampleEvery(9).withSampleCount(2).withSampleSteps(2))
        .withDevice(Device.CPU)
        .run(
            new TrainingRun.Listener() {
              @Override
              public void onTask(String task) {
                tasks.add(task);
              }

              @Override
              public void onStep(StepReport report) {}
            });
    assertThat(Files.readString(run.resolve("report.html"))).contains("pictures of the data");
    return Files.readAllBytes(run.resolve("samples/step-000000.png"));
  }

  @Test
  void theirMiddleIsDrawnAnew() throws IOException {
    DataOptions reading = DataOptions.defaults().withResolution(SIDE);
    write("0.png", InpaintingSamplesTest::noise);
    byte[] drawn = grid("noise", reading);
    write("0.png", (x, y) -> isMiddle(x, y) ? 0 : noise(x, y));
    assertThat(grid("other middle", reading)).isEqualTo(drawn);
    write("0.png", (x, y) -> isMiddle(x, y) ? noise(x, y) : 0);
    assertThat(grid("other border", reading)).isNotEqualTo(drawn);
  }

  @Test
  void eachIsCountedAndHasARowInTheReport() throws IOException {
    write("0.png", InpaintingSamplesTest::noise);
    write("1.png", (x, y) -> 0);
    grid("two", DataOptions.defaults().withResolution(SIDE));
    String report = Files.readString(folder.resolve("two/report.html"));
    assertThat(report.split("<figcaption>a cup</figcaption>", -1)).hasLength(3);
    assertThat(tasks).contains("drawing samples, picture 2 of 2, step 1 of 2");
  }

  @Test
  void whatIsWhiteInTheirMasksIsDrawnAnew() throws IOException {
    DataOptions reading = DataOptions.defaults().withResolution(SIDE).withMasks(Masks.FILE);
    write("0.png", InpaintingSamplesTest::noise);
    write("0-masklabel.png", (x, y) -> x < SIDE / 2 ? 0xffffff : 0);
    byte[] drawn = grid("noise", reading);
    write("0.png", (x, y) -> x < SIDE / 2 ? 0 : noise(x, y));
    assertThat(grid("other left half", reading)).isEqualTo(drawn);
    write("0.png", (x, y) -> x < SIDE / 2 ? noise(x, y) : 0);
    assertThat(grid("other right half", reading)).isNotEqualTo(drawn);
  }
}
