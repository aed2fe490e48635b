package dev.sfumato.evaluation;

import static com.google.common.truth.Truth.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.sfumato.SfumatoException;
import dev.sfumato.data.Dataset;
import dev.sfumato.model.ClassConditionedUNet;
import dev.sfumato.model.ClassConditioning;
import dev.sfumato.model.ClassConditioning.Type;
import dev.sfumato.pipeline.SmallModel;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PictureClassifierTest {
  @TempDir private Path folder;

  @Test
  void readsDigits() {
    Dataset digits = Digits.dataset();
    try (PictureClassifier classifier = PictureClassifier.digits()) {
      // The digits were taken before the classifier was trained: one of them, an odd 3, it
      // misreads.
      assertThat(Digits.right(classifier.read(digits))).isAtLeast(19);
    }
  }

  @Test
  void cardStatesTheAccuracyThatMeasuringNeeds() {
    try (PictureClassifier classifier = PictureClassifier.digits()) {
      ClassifierCard card = classifier.card();
      assertThat(card.testAccuracy()).isAtLeast(0.99);
      assertThat(card.testedOn()).isEqualTo(10_000);
      assertThat(card.trainedOn()).isEqualTo(60_000);
      assertThat(card.summary())
          .matches("reads 99\\.\\d\\d % of 10000 test pictures correctly, .*");
    }
  }

  @Test
  void limitsValuesAsSavingDoes() {
    try (Scope scope = Scope.open();
        PictureClassifier classifier = PictureClassifier.digits()) {
      Dataset digits = Digits.dataset();
      Tensor image = Tensor.of(digits.picture(0), 1, 1, 28, 28);
      Tensor outside = image.add(image.mul(50)); // the same strokes, far beyond black and white
      assertThat(classifier.read(outside)).isEqualTo(classifier.read(image.mul(51).clamp(-1, 1)));
    }
  }

  @Test
  void readsMorePicturesThanFitIntoOneSlice() {
    try (Scope scope = Scope.open();
        PictureClassifier classifier = PictureClassifier.digits()) {
      Dataset digits = Digits.dataset();
      Tensor first = Tensor.of(digits.picture(0), 1, 1, 28, 28).expand(299, -1, -1, -1);
      Tensor second = Tensor.of(digits.picture(1), 1, 1, 28, 28);
      int[] read = classifier.read(Tensor.cat(List.of(first, second), 0));
      assertThat(read).hasLength(300);
      assertThat(read[298]).isEqualTo(digits.label(0));
      assertThat(read[299]).isEqualTo(digits.label(1));
    }
  }

  @Test
  void leavesNoTensorsBehind() {
    long before = Scope.liveTensors();
    try (Scope scope = Scope.open();
        PictureClassifier classifier = PictureClassifier.digits()) {
      assertThat(classifier.read(Digits.dataset())).hasLength(20);
      Tensor coloured = Tensor.zeros(1, 3, 28, 28);
      assertThat(assertThrows(SfumatoException.class, () -> classifier.read(coloured)))
          .hasMessageThat()
          .contains("not [1, 3, 28, 28]");
    }
    assertThat(Scope.liveTensors()).isEqualTo(before);
  }

  // ---- saving

  @Test
  void readsTheSameAfterSaving() {
    try (PictureClassifier classifier = PictureClassifier.digits()) {
      classifier.save(folder);
      try (PictureClassifier again = PictureClassifier.load(folder)) {
        assertThat(again.card()).isEqualTo(classifier.card());
        assertThat(again.read(Digits.dataset())).isEqualTo(classifier.read(Digits.dataset()));
      }
    }
  }

  @Test
  void namesTheClassifierThatIsMissing() throws IOException {
    Path missing = folder.resolve("missing");
    assertThat(assertThrows(SfumatoException.class, () -> PictureClassifier.load(missing)))
        .hasMessageThat()
        .contains(missing + ": there is no such classifier directory");
    assertThat(assertThrows(SfumatoException.class, () -> PictureClassifier.load(folder)))
        .hasMessageThat()
        .contains("classifier.json");
    Files.writeString(folder.resolve("classifier.json"), "{}");
    assertThat(assertThrows(SfumatoException.class, () -> PictureClassifier.load(folder)))
        .hasMessageThat()
        .contains("class_names is missing");
  }

  // ---- what it can read

  @Test
  void acceptsAModelOfDigits() {
    try (PictureClassifier classifier = PictureClassifier.digits();
        ClassConditionedUNet denoiser =
            SmallModel.network(1, List.of(28), new ClassConditioning(Type.ONE_HOT, 10, 0))) {
      classifier.requireSuits(denoiser);
    }
  }

  @Test
  void refusesModelsItCannotRead() {
    assertRefused(28, 1, ClassConditioning.NONE, "not class-conditioned");
    assertRefused(28, 1, new ClassConditioning(Type.ONE_HOT, 5, 0), "5 classes");
    assertRefused(32, 1, new ClassConditioning(Type.ONE_HOT, 10, 0), "[32] pixels");
    assertRefused(28, 3, new ClassConditioning(Type.ONE_HOT, 10, 0), "in 3 channels");
  }

  private static void assertRefused(
      int size, int channels, ClassConditioning conditioning, String reason) {
    try (PictureClassifier classifier = PictureClassifier.digits();
        ClassConditionedUNet denoiser = SmallModel.network(channels, List.of(size), conditioning)) {
      assertThat(assertThrows(SfumatoException.class, () -> classifier.requireSuits(denoiser)))
          .hasMessageThat()
          .contains(reason);
    }
  }
}
