package dev.sfumato.evaluation;

import static com.google.common.truth.Truth.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.sfumato.tensor.SfumatoException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
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
    assertThat(report.right()).isEqualTo(20);
  }

  @Test
  void classesGoByNameAndNotByPlace() throws IOException {
    Digits.writeTo(folder);
    for (String other : new String[] {"0", "1", "2", "4", "5", "6", "8", "9"}) {
      try (var files = Files.list(folder.resolve(other))) {
        for (Path file : files.toList()) {
          Files.delete(file);
        }
      }
    }
    Path three = folder.resolve("3");
    Files.move(folder.resolve("7"), three.resolve("sevens"));
    ClassReport.Row row = report(folder).classes().get(0);
    assertThat(row.name()).isEqualTo("3");
    assertThat(row.asked()).isEqualTo(4);
    assertThat(row.right()).isEqualTo(2);
    assertThat(row.confusions()).containsExactly(new ClassReport.Confusion("7", 2));
  }

  @Test
  void readsTheTestPicturesOfIdxFiles() {
    assertThat(report(Digits.folder()).right()).isEqualTo(20);
  }

  @Test
  void refusesFoldersWithoutKnownClasses() throws IOException {
    Digits.writeTo(folder);
    Path flat = folder.resolve("0");
    assertThat(assertThrows(SfumatoException.class, () -> report(flat)))
        .hasMessageThat()
        .contains(flat + ": --classes needs subfolders");
    Files.move(folder.resolve("5"), folder.resolve("five"));
    assertThat(assertThrows(SfumatoException.class, () -> report(folder)))
        .hasMessageThat()
        .contains("the classifier knows no class 'five'");
  }

  private ClassReport report(Path images) {
    return ClassReport.of(images.toString(), classifier);
  }
}
