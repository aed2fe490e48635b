package dev.sfumato.run;

import static com.google.common.truth.Truth.assertThat;

import dev.sfumato.data.DataOptions;
import dev.sfumato.picture.Png;
import dev.sfumato.pipeline.TinyStableDiffusion;
import dev.sfumato.tensor.Device;
import dev.sfumato.training.TrainingOptions;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TrainingReportTest {
  @TempDir Path folder;

  /** The name of the millionth step has a digit more. */
  @Test
  void gridsAreInTheOrderOfTheirSteps() throws IOException {
    for (String step : new String[] {"1000000", "000500", "999500", "1000500"}) {
      Files.createFile(folder.resolve("step-" + step + ".png"));
    }
    assertThat(TrainingReport.grids(folder, 1_000_000))
        .containsExactly(
            folder.resolve("step-000500.png"),
            folder.resolve("step-999500.png"),
            folder.resolve("step-1000000.png"))
        .inOrder();
  }

  /** A user may stand in the folder and give a dot. */
  @Test
  void aRunAndItsDataAreNamedByTheirFolders() throws IOException {
    Path pictures = folder.resolve("roses");
    for (String name : List.of("a.png", "b.png")) {
      Png.write(pictures.resolve(name), new BufferedImage(8, 8, BufferedImage.TYPE_INT_RGB));
    }
    Path run = folder.resolve("garden/.");
    Training.fromScratch(pictures.resolve(".").toString(), run)
        .withPictures(DataOptions.defaults().withResolution(8))
        .withModelOptions(ModelOptions.defaults().withConfig("mnist"))
        .withOptions(TrainingOptions.defaults().withMaxSteps(1))
        .withWatch(WatchOptions.quiet())
        .withDevice(Device.CPU)
        .run();
    String card = Files.readString(run.resolve("README.md"));
    assertThat(card).contains("\n# garden\n");
    assertThat(card).contains("| data | roses: 2 pictures, 8 x 8 |");
  }

  @Test
  void aDamagedGridIsLeftOut() throws IOException {
    Path picture = folder.resolve("roses/a.png");
    Png.write(picture, new BufferedImage(16, 16, BufferedImage.TYPE_INT_RGB));
    String model = TinyStableDiffusion.write(folder.resolve("model"), "sd1").toString();
    Path run = folder.resolve("garden");
    Training training =
        Training.fineTuning(model, picture.getParent().toString(), run)
            .withPictures(
                DataOptions.defaults()
                    .withResolution(16)
                    .withTexts(DataOptions.Texts.OPTIONAL.withPrompt("a rose")))
            .withWatch(
                WatchOptions.quiet().withSampleEvery(1).withSampleCount(1).withSampleSteps(1))
            .withDevice(Device.CPU)
            .withOptions(options -> options.withMaxSteps(1));
    training.run();
    Files.writeString(run.resolve("samples/step-000000.png"), "garbage");
    training.withResume().withOptions(options -> options.withMaxSteps(2)).run();
    assertThat(Files.readString(run.resolve("report.html")))
        .contains("From left to right: without the LoRA, step 1, step 2.");
  }
}
