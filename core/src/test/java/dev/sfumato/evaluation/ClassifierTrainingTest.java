package dev.sfumato.evaluation;

import static com.google.common.truth.Truth.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.sfumato.SfumatoException;
import dev.sfumato.data.Dataset;
import dev.sfumato.tensor.Device;
import dev.sfumato.tensor.Scope;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

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
  void refusesDataWithoutTestPictures() {
    assertThat(
            assertThrows(
                SfumatoException.class,
                () -> ClassifierTraining.on(Digits.folder().resolve("..").toString(), 1, 0)))
        .hasMessageThat()
        .isNotEmpty();
    assertThrows(
        SfumatoException.class,
        () -> new ClassifierTraining(Digits.dataset(), Digits.dataset(), 0, 0));
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
