package dev.sfumato.evaluation;

import static com.google.common.truth.Truth.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.sfumato.SfumatoException;
import dev.sfumato.data.Datasets;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ClassReportOfPicturesTest {
  @TempDir private Path folder;
  private final PictureClassifier classifier = PictureClassifier.digits();

  @AfterEach
  void free() {
    classifier.close();
  }

  @Test
  void readsFolderOfClasses() throws IOException {
    Digits.writeTo(folder);
    ClassReport report = report(folder);
    assertThat(report.classes()).hasSize(10);
    assertThat(report.asked()).isEqualTo(20);
    assertThat(report.right()).isEqualTo(Digits.right(classifier.read(Digits.dataset())));
  }

  @Test
  void classesGoByNameAndNotByPlace() throws IOException {
    Digits.writeTo(folder);
    Path onlyClass = Files.createDirectory(folder.resolve("some")).resolve("7");
    Files.move(folder.resolve("7"), onlyClass);
    Files.move(folder.resolve("1"), onlyClass.resolve("ones"));
    ClassReport report = report(folder.resolve("some"));
    assertThat(report.classes())
        .containsExactly(
            new ClassReport.Row("7", 4, 2, List.of(new ClassReport.Confusion("1", 2))));
  }

  @Test
  void readsTheTestPicturesOfIdxFiles() {
    ClassReport report = report(Digits.folder());
    assertThat(report.asked()).isEqualTo(20);
    assertThat(report.right()).isEqualTo(Digits.right(classifier.read(Digits.dataset())));
  }

  @Test
  void refusesFoldersWithoutKnownClasses() throws IOException {
    Digits.writeTo(folder);
    Path flat = folder.resolve("0");
    assertThat(assertThrows(SfumatoException.class, () -> report(flat)))
        .hasMessageThat()
        .contains(flat + ": `classes` needs subfolders");
    Files.move(folder.resolve("5"), folder.resolve("five"));
    assertThat(assertThrows(SfumatoException.class, () -> report(folder)))
        .hasMessageThat()
        .contains("the classifier knows no class 'five'");
  }

  private ClassReport report(Path images) {
    return ClassReport.of(images.toString(), Datasets.measured(images.toString()), classifier);
  }
}
