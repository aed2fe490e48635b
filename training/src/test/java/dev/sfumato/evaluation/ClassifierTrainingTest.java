package dev.sfumato.evaluation;

import static com.google.common.truth.Truth.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.sfumato.SfumatoException;
import dev.sfumato.data.DataOptions;
import dev.sfumato.data.Dataset;
import dev.sfumato.picture.Png;
import dev.sfumato.tensor.Device;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.awt.image.BufferedImage;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;

class ClassifierTrainingTest {
  private static final int EPOCHS = 60;

  @Test
  void learnsAFewDigitsByHeart() {
    Dataset digits = Digits.dataset();
    ClassifierTraining training = new ClassifierTraining(digits, digits, EPOCHS, 0);
    List<Double> losses = new ArrayList<>();
    long before = Scope.liveTensors();
    try (PictureClassifier trained =
        training.run(Device.CPU, "the test", (step, loss) -> losses.add(loss))) {
      assertThat(losses).hasSize((int) training.steps());
      assertThat(losses.get(EPOCHS - 1)).isLessThan(losses.get(0) / 4);
      assertThat(trained.card().testAccuracy()).isAtLeast(0.9);
      assertThat(trained.card().trainedOn()).isEqualTo(20);
      assertThat(trained.card().command()).isEqualTo("the test");
    }
    assertThat(Scope.liveTensors()).isEqualTo(before);
  }

  @Test
  void sameSeedGivesTheSameLosses() {
    assertThat(firstLosses(1)).isEqualTo(firstLosses(1));
    assertThat(firstLosses(1)).isNotEqualTo(firstLosses(2));
  }

  private static List<Double> firstLosses(long seed) {
    List<Double> losses = new ArrayList<>();
    new ClassifierTraining(Digits.dataset(), Digits.dataset(), 2, seed)
        .run(Device.CPU, "", (step, loss) -> losses.add(loss))
        .close();
    return losses;
  }

  @Test
  void readsColoredPicturesAndHoldsATenthOut(@TempDir Path folder) {
    writeColored(folder, "red", 10, 0xc03020, 24, 20);
    writeColored(folder, "blue", 10, 0x2030c0, 20, 24);
    DataOptions options = DataOptions.defaults().withResolution(20);
    ClassifierTraining training = ClassifierTraining.on(folder.toString(), options, 20, 0);
    assertThat(training.training().size()).isEqualTo(18);
    assertThat(training.test().size()).isEqualTo(2);
    try (PictureClassifier trained = training.run(Device.CPU, "", (step, loss) -> {})) {
      assertThat(trained.card().testAccuracy()).isEqualTo(1.0);
      trained.save(folder.resolve("saved"));
    }
    try (PictureClassifier loaded = PictureClassifier.load(folder.resolve("saved"));
        Scope scope = Scope.open()) {
      Tensor red = Tensor.of(new float[] {0.5f, -0.7f, -0.8f}, 1, 3, 1, 1).expand(1, 3, 20, 20);
      assertThat(loaded.card().classNames().get(loaded.read(red)[0])).isEqualTo("red");
      assertThat(loaded.labels("red,0,blue")).isEqualTo(new long[] {1, 0, 0});
      for (String unknown : new String[] {"green", "2", "-1", "red,,blue"}) {
        SfumatoException e = assertThrows(SfumatoException.class, () -> loaded.labels(unknown));
        assertThat(e).hasMessageThat().endsWith("': its classes are blue, red");
      }
      SfumatoException wrong =
          assertThrows(SfumatoException.class, () -> loaded.read(red.narrow(1, 0, 1)));
      assertThat(wrong).hasMessageThat().contains("pictures (N, 3, 20, 20), not [1, 1, 20, 20]");
    }
  }

  private static void writeColored(
      Path folder, String name, int count, int rgb, int width, int height) {
    BufferedImage image = new BufferedImage(width, height, BufferedImage.TYPE_INT_RGB);
    for (int i = 0; i < count; i++) {
      for (int x = 0; x < width; x++) {
        for (int y = 0; y < height; y++) {
          image.setRGB(x, y, (x + y) % (i + 2) == 0 ? 0x606060 : rgb);
        }
      }
      Png.write(folder.resolve(name).resolve(i + ".png"), image);
    }
  }

  @Test
  void refusesWhatNoClassifierLearns(@TempDir Path folder) {
    writeColored(folder, "", 3, 0, 20, 20);
    DataOptions options = DataOptions.defaults();
    assertThat(failure(() -> ClassifierTraining.on(folder.toString(), options, 1, 0)))
        .contains("two classes or more");
    writeColored(folder.resolve("deep"), "a", 2, 0, 20, 20);
    writeColored(folder.resolve("deep"), "b", 2, 0, 20, 20);
    ClassifierTraining large =
        ClassifierTraining.on(folder.resolve("deep").toString(), options.withResolution(200), 1, 0);
    assertThat(failure(() -> large.run(Device.CPU, "", (step, loss) -> {})))
        .contains("4 to 128 pixels, not 200");
    assertThat(failure(() -> new ClassifierTraining(Digits.dataset(), Digits.dataset(), 0, 0)))
        .contains("`epochs` 0");
  }

  private static String failure(Executable call) {
    return assertThrows(SfumatoException.class, call).getMessage();
  }

  @Test
  void bordersShiftPicturesAndKeepThem() {
    Dataset digits = Digits.dataset();
    ShiftedDataset shifted = new ShiftedDataset(digits, 2);
    assertThat(shifted.pixels(3).height()).isEqualTo(32);
    assertThat(shifted.pixels(3).crop(2, 2, 28, 28).values()).isEqualTo(digits.pixels(3).values());
    assertThat(shifted.pixels(3).crop(0, 0, 2, 32).values()).isEqualTo(new byte[64]);
    assertThat(shifted.height()).isEqualTo(28);
  }
}
