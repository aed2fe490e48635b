package dev.sfumato.data;

import static com.google.common.truth.Truth.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.sfumato.SfumatoException;
import dev.sfumato.picture.Size;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a look at pictures finds before they are decoded. */
class SurveyTest {
  @TempDir private Path folder;
  private DataOptions options;

  @BeforeEach
  void chooseOptions() {
    options = DataOptions.defaults().withResolution(512);
    options = options.withTexts(options.texts().withRequired(true));
  }

  private Survey survey() {
    return Datasets.survey(folder.toString(), options);
  }

  @Test
  void namesSizesCropsAndEnlargedPictures() throws IOException {
    Drawn.captioned(folder.resolve("a.png"), 640, 640, 1);
    Drawn.captioned(folder.resolve("b.png"), 800, 600, 2);
    Drawn.captioned(folder.resolve("c.png"), 100, 100, 3);
    options = options.withTexts(options.texts().withBuckets(Bucketing.OFF));
    Survey survey = survey();
    assertThat(survey.smallest().orElseThrow().name()).endsWith("c.png");
    assertThat(survey.largest().orElseThrow().frame().original()).isEqualTo(new Size(600, 800));
    assertThat(survey.enlarged()).hasSize(1);
    assertThat(survey.cropped()).hasSize(1);
    assertThat(survey.cropped().get(0).frame().cropped()).isWithin(1e-3).of(0.25);
    List<String> lines = survey.lines(4);
    assertThat(lines.get(0))
        .startsWith("3 pictures, from 100 x 100 to 800 x 600 pixels, 1 enlarged");
    assertThat(lines.get(1)).startsWith("1 cropped, by 25 %");
    assertThat(lines).hasSize(2);
  }

  @Test
  void oneSizeIsNamedOnce() throws IOException {
    Drawn.captioned(folder.resolve("a.png"), 64, 48, 1);
    assertThat(survey().lines(4).get(0)).startsWith("1 picture, 64 x 48 pixels");
    Drawn.captioned(folder.resolve("b.png"), 64, 48, 2);
    assertThat(survey().lines(4).get(0)).startsWith("2 pictures, 64 x 48 pixels");
  }

  @Test
  void bucketsKeepMoreOfThePictures() throws IOException {
    Drawn.captioned(folder.resolve("a.png"), 640, 640, 1);
    Drawn.captioned(folder.resolve("3_wide/b.png"), 800, 600, 2);
    Survey survey = survey();
    assertThat(survey.sizes())
        .containsExactly(new Size(448, 576), 3, new Size(512, 512), 1)
        .inOrder();
    assertThat(survey.cropped().get(0).frame().cropped()).isLessThan(0.04);
    assertThat(String.join("; ", survey.lines(2)))
        .contains(
            "buckets: 2 (576 x 448: 3, 512 x 512: 1); 1 with fewer pictures than a batch of 2");
    Dataset dataset = Datasets.open(folder.toString(), options);
    assertThat(dataset.frame(0).size()).isEqualTo(new Size(448, 576));
    assertThat(dataset.picture(0)).hasLength(3 * 448 * 576);
  }

  @Test
  void picturesOfOneShapeNeedNoBuckets() throws IOException {
    Drawn.captioned(folder.resolve("a.png"), 640, 480, 1);
    Drawn.captioned(folder.resolve("b.png"), 320, 240, 2);
    assertThat(survey().buckets()).isEmpty();
    options = options.withTexts(options.texts().withBuckets(Bucketing.ON));
    assertThat(survey().sizes()).isEqualTo(Map.of(new Size(448, 576), 2));
  }

  @Test
  void namesCopiesMissingCaptionsAndDamagedFiles() throws IOException {
    Path a =
        Drawn.captioned(folder.resolve("a.png"), 300, 300, 1); // longer than what is read first
    Files.copy(a, folder.resolve("copy.png"));
    byte[] other = Files.readAllBytes(a);
    other[other.length - 20]++; // of the same length, and different only at its end
    Files.write(folder.resolve("other.png"), other);
    Files.writeString(folder.resolve("bad.png"), "not a picture");
    Survey survey = survey();
    assertThat(survey.copies()).hasSize(1);
    assertThat(survey.copies().get(0)).hasSize(2);
    assertThat(survey.unknown()).hasSize(1);
    assertThat(survey.uncaptioned()).hasSize(3);
    assertThat(String.join("; ", survey.lines(1))).contains("a.png = ");
    List<Survey> told = new ArrayList<>();
    String message =
        assertThrows(
                SfumatoException.class, () -> Datasets.open(folder.toString(), options, told::add))
            .getMessage();
    assertThat(message).contains("3 of 4 pictures have no caption");
    assertThat(told).containsExactly(survey);
  }

  @Test
  void namesPicturesThatAreNotRead() throws IOException {
    Path a = Drawn.captioned(folder.resolve("a.png"), 30, 20, 1);
    Files.createSymbolicLink(folder.resolve("b.png"), folder.resolve("gone.png"));
    Files.createSymbolicLink(folder.resolve("kept.txt"), folder.resolve("gone.txt"));
    Files.write(folder.resolve("c.TIFF"), Files.readAllBytes(a));
    Files.writeString(folder.resolve(".d.tiff"), "hidden");
    try (OutputStream file = Files.newOutputStream(folder.resolve("set.zip"));
        ZipOutputStream zip = new ZipOutputStream(file)) {
      for (String name : new String[] {"x/e.png", "x/f.heic"}) {
        zip.putNextEntry(new ZipEntry(name));
        zip.write(Files.readAllBytes(a));
      }
    }
    Survey survey = survey();
    assertThat(survey.pictures()).hasSize(2);
    assertThat(survey.leftOut().stream().map(name -> Path.of(name).getFileName().toString()))
        .containsExactly("b.png", "c.TIFF", "f.heic", "kept.txt");
    assertThat(String.join("; ", survey.lines(1)))
        .containsMatch("left out: 4 \\(.*b.png, .*c.TIFF, .*, \\.\\.\\.\\), which are in");
    Files.writeString(folder.resolve("metadata.jsonl"), "{\"file_name\": \"c.TIFF\"}");
    assertThat(survey().pictures()).hasSize(1); // by its content a PNG
    assertThat(survey().leftOut()).hasSize(3);
  }

  @Test
  void namesRowsThatAreThereTwice() throws IOException {
    Path a = Drawn.picture(folder.resolve("caf\u00e9.png"), 30, 20, 1);
    Drawn.picture(folder.resolve("b.png"), 30, 20, 2);
    Files.writeString(
        folder.resolve("metadata.jsonl"),
        """
        {"file_name": "caf\u00e9.png", "text": "one"}
        {"file_name": "./cafe\u0301.png", "text": "two"}
        {"file_name": "b.png", "text": "three"}
        """);
    Survey survey = survey();
    assertThat(survey.copies()).isEmpty();
    assertThat(survey.repeated()).containsExactly(a.toString());
    assertThat(survey.lines(1)).contains("named twice or more by the metadata: 1 (" + a + ")");
    Files.copy(a, folder.resolve("copy.png"));
    Files.writeString(
        folder.resolve("metadata.jsonl"),
        "{\"file_name\": \"copy.png\", \"text\": \"four\"}\n",
        StandardOpenOption.APPEND);
    assertThat(survey().copies())
        .containsExactly(List.of(a.toString(), folder.resolve("copy.png").toString()));
  }

  @Test
  void looksIntoArchives() throws IOException {
    Path a = Drawn.picture(folder.resolve("a.png"), 300, 200, 1);
    try (OutputStream file = Files.newOutputStream(folder.resolve("set.zip"));
        ZipOutputStream zip = new ZipOutputStream(file)) {
      for (String name : new String[] {"x/a.png", "x/b.png"}) {
        zip.putNextEntry(new ZipEntry(name));
        zip.write(Files.readAllBytes(a));
      }
    }
    Files.delete(a);
    Survey survey = survey();
    assertThat(survey.copies()).hasSize(1);
    assertThat(survey.largest().orElseThrow().frame().original()).isEqualTo(new Size(200, 300));
  }
}
