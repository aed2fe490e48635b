package dev.sfumato.evaluation;

import static com.google.common.truth.Truth.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.sfumato.SfumatoException;
import dev.sfumato.picture.Pixels;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PictureSummaryTest {
  private static final byte WHITE = (byte) 255;
  @TempDir private Path folder;

  @Test
  void summarises() {
    PictureSummary summary =
        PictureSummary.of(
            Stream.of(
                new Pixels(1, 1, 2, new byte[] {0, WHITE}),
                new Pixels(1, 2, 1, new byte[] {0, WHITE}),
                new Pixels(1, 1, 2, new byte[] {0, WHITE}),
                new Pixels(1, 1, 2, new byte[] {WHITE, WHITE})));
    assertThat(summary.count()).isEqualTo(4);
    assertThat(summary.sizes()).isEqualTo(Map.of("2 x 1", 3, "1 x 2", 1));
    assertThat(summary.brightness()).isEqualTo(5 / 8.0);
    assertThat(summary.contrast()).isWithin(1e-9).of(Math.sqrt(15) / 8);
    assertThat(summary.repeated()).isEqualTo(1);
  }

  @Test
  void summarisesTensorsAsTheyAreSaved() {
    try (Scope scope = Scope.open()) {
      PictureSummary summary =
          PictureSummary.of(Tensor.of(new float[] {-3, -1, 1, 5, -1, -1, 1, 1}, 2, 1, 2, 2));
      assertThat(summary.brightness()).isEqualTo(0.5);
      assertThat(summary.repeated()).isEqualTo(1);
      assertThat(summary.sizes()).isEqualTo(Map.of("2 x 2", 2));
    }
  }

  @Test
  void summarisesFolderAndIdxFilesAlike() throws IOException {
    Digits.writeTo(folder);
    PictureSummary files = Evaluation.ofPictures(folder.toString()).summary();
    PictureSummary idx = Evaluation.ofPictures(Digits.folder().toString()).summary();
    assertThat(files.count()).isEqualTo(20);
    assertThat(files.sizes()).isEqualTo(idx.sizes());
    assertThat(files.brightness()).isWithin(1e-9).of(idx.brightness());
    assertThat(files.repeated()).isEqualTo(0);
  }

  @Test
  void prints() {
    assertThat(PictureSummary.of(Stream.of(new Pixels(1, 1, 1, new byte[] {0}))).table())
        .isEqualTo(
            """
            pictures        1
              1 x 1         1
            brightness      0.0000
            contrast        0.0000
            repeated        0\
            """);
  }

  @Test
  void namesWhatIsNoPicture() throws IOException {
    Path bad = Files.writeString(folder.resolve("bad.png"), "no picture");
    assertThat(
            assertThrows(
                SfumatoException.class, () -> Evaluation.ofPictures(folder.toString()).summary()))
        .hasMessageThat()
        .contains(bad.toString());
    Path missing = folder.resolve("missing");
    assertThat(
            assertThrows(
                SfumatoException.class, () -> Evaluation.ofPictures(missing.toString()).summary()))
        .hasMessageThat()
        .contains(missing.toString());
  }
}
