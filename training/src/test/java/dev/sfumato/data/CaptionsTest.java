package dev.sfumato.data;

import static com.google.common.truth.Truth.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.sfumato.SfumatoException;
import dev.sfumato.data.BatchOptions.Tags;
import dev.sfumato.data.DataOptions.Columns;
import dev.sfumato.data.DataOptions.Texts;
import dev.sfumato.picture.PictureGolden;
import dev.sfumato.tensor.Scope;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Captions for text-to-image models: their places, and messages about missing ones. */
class CaptionsTest {
  private static final DataOptions REQUIRED =
      DataOptions.defaults().withTexts(Texts.OPTIONAL.withRequired(true));

  @TempDir private Path folder;

  @Test
  void textFilesBesidePicturesAreCaptions() throws IOException {
    pictures("a.png", "sub/b.c.png", "d.png", "e.PNG", "f.Jpeg", "g\u00e9.png");
    write("a.txt", "\ufeffa red rose,\r\n on white \n");
    write("sub/b.c.txt", "blue");
    write("d.txt", "caf\u00e9");
    write("e.TXT", "large");
    write("f.Txt", "mixed");
    write("ge\u0301.txt", "as macOS writes the name");
    write("readme.txt", "belongs to no picture");
    assertThat(open(REQUIRED).captions())
        .containsExactly(
            "a red rose, on white",
            "caf\u00e9",
            "large",
            "mixed",
            "as macOS writes the name",
            "blue")
        .inOrder();
    assertThat(open(DataOptions.defaults()).captions()).contains("blue");
  }

  /** The ending that kohya's scripts take by default; where there are both, .txt counts. */
  @Test
  void captionFilesBesidePicturesAreCaptions() throws IOException {
    pictures("a.png", "b.png", "c.png");
    write("a.caption", "one");
    write("b.caption", "two");
    write("b.txt", "three");
    write("c.CAPTION", "four");
    assertThat(open(REQUIRED).captions()).containsExactly("one", "three", "four").inOrder();
  }

  /** Notepad's "Unicode" and the text of an old system. */
  @Test
  void textFilesOfOtherEncodingsAreRead() throws IOException {
    pictures("a.png", "b.png", "c.png");
    Files.write(folder.resolve("a.txt"), "\ufeffa b\u00e4r".getBytes(StandardCharsets.UTF_16LE));
    Files.write(folder.resolve("b.txt"), "a b\u00e4r".getBytes(StandardCharsets.UTF_16));
    Files.write(folder.resolve("c.txt"), "a b\u00e4r".getBytes(StandardCharsets.ISO_8859_1));
    assertThat(open(REQUIRED).captions()).containsExactly("a b\u00e4r", "a b\u00e4r", "a b\u00e4r");
  }

  @Test
  void aTableComesFirstAndTextFilesFillItsGaps() throws IOException {
    pictures("a.png", "b.png", "c.png");
    write(
        "metadata.jsonl",
        """
        {"file_name": "a.png", "text": "of the table"}
        {"file_name": "b.png", "text": " "}
        """);
    write("a.txt", "beside a");
    write("b.txt", "beside b");
    assertThat(open(REQUIRED).captions()).containsExactly("of the table", "beside b").inOrder();
  }

  @Test
  void missingCaptionsAreNamed() throws IOException {
    pictures("a.png", "b.png", "c.png", "d.png", "e.png");
    assertThat(failure(REQUIRED)).contains("no captions: put a .txt file beside each picture");
    write("b.txt", "two");
    write("c.txt", " \n");
    String message = failure(REQUIRED);
    assertThat(message).contains("4 of 5 pictures have no caption");
    assertThat(message).containsMatch("a.png, .*c.png, .*d.png, \\.\\.\\.\\)");
    assertThat(message).contains("`instancePrompt`");
    assertThat(open(DataOptions.defaults()).captions())
        .containsExactly("", "two", "", "", "")
        .inOrder();
    DataOptions prompted = REQUIRED.withTexts(REQUIRED.texts().withPrompt("a photo"));
    assertThat(open(prompted).captions())
        .containsExactly("a photo", "two", "a photo", "a photo", "a photo")
        .inOrder();
  }

  @Test
  void missingCaptionsAreNamedBeforePicturesAreDecoded() throws IOException {
    write("a.png", "not a picture");
    assertThat(failure(REQUIRED)).contains("no captions");
  }

  @Test
  void columnsThatMayHoldTheCaptionsAreNamed() throws IOException {
    pictures("a.png");
    write(
        "metadata.jsonl", "{\"file_name\": \"a.png\", \"tags\": \"rose\", \"prompt\": \"a rose\"}");
    assertThat(failure(REQUIRED))
        .contains("choose one of the columns tags, prompt with `captionColumn`");
    assertThat(open(REQUIRED.withColumns(new Columns("", "", "prompt"))).captions())
        .containsExactly("a rose");
    assertThat(failure(REQUIRED.withColumns(new Columns("", "", "titel"))))
        .contains("no column 'titel' for `captionColumn`; there are tags, prompt");
    write("metadata.jsonl", "{\"file_name\": \"a.png\", \"prompt\": \"a rose\"}");
    assertThat(failure(REQUIRED)).contains("choose the column prompt with `captionColumn`");
  }

  @Test
  void theUsualColumnsAreFoundWhateverTheirCase() throws IOException {
    pictures("a.png");
    write("a.txt", "beside");
    write("metadata.csv", "file_name,Text,LABEL\na.png,of the table,red\n");
    assertThat(open(REQUIRED).captions()).containsExactly("of the table");
    assertThat(open(REQUIRED).classNames()).containsExactly("red");
    write("metadata.csv", "file_name,Text,caption\na.png,one,two\n");
    assertThat(open(REQUIRED).captions()).containsExactly("two"); // as it is written counts first
    write("metadata.csv", "file_name,Text,TEXT\na.png,one,two\n");
    assertThat(failure(REQUIRED))
        .contains("metadata: columns Text and TEXT: choose one with `captionColumn`");
    assertThat(open(REQUIRED.withColumns(new Columns("", "", "TEXT"))).captions())
        .containsExactly("two");
  }

  @Test
  void columnsOfParquetAreNamed() throws IOException, SQLException {
    Path picture = Files.write(folder.resolve("a.png"), PictureGolden.file("gray.png"));
    try (Connection connection = ParquetFile.connect();
        Statement statement = connection.createStatement()) {
      statement.execute(
          "COPY (SELECT content AS image, 7 AS width, 'a rose' AS title, ['r', 's'] AS tags FROM"
              + " read_blob('%s')) TO '%s' (FORMAT parquet)"
                  .formatted(picture, folder.resolve("a.parquet")));
    }
    Files.delete(picture);
    assertThat(failure(REQUIRED))
        .endsWith(
            "choose one of the columns title, tags with `captionColumn`, or give an `instancePrompt`"
                + " for all");
    assertThat(open(REQUIRED.withColumns(new Columns("", "", "tags"))).captions())
        .containsExactly("r");
  }

  @Test
  void archivesHaveTextFiles() throws IOException {
    try (OutputStream file = Files.newOutputStream(folder.resolve("set.zip"));
        ZipOutputStream zip = new ZipOutputStream(file)) {
      zip.putNextEntry(new ZipEntry("x/a.png"));
      zip.write(PictureGolden.file("gray.png"));
      zip.putNextEntry(new ZipEntry("x/a.txt"));
      zip.write("in a zip".getBytes(StandardCharsets.UTF_8));
    }
    assertThat(open(REQUIRED).captions()).containsExactly("in a zip");
  }

  @Test
  void foldersRepeatTheirPictures() throws IOException {
    pictures("3_red rose/a.png", "3_red rose/b.png", "1_sea_side/c.png", "20240101_trip/d.png");
    write("3_red rose/b.txt", "a rose at night");
    write("20240101_trip/d.txt", "a mountain");
    Dataset dataset = open(REQUIRED);
    assertThat(dataset.captions())
        .containsExactly("sea_side", "a mountain", "red rose", "a rose at night")
        .inOrder();
    assertThat(IntStream.range(0, 4).map(dataset::repeats).toArray())
        .isEqualTo(new int[] {1, 1, 3, 3});
    Batches batches = new Batches(dataset, new BatchOptions(3, false, false, 0));
    assertThat(batches.epoch(0).order()).isEqualTo(new int[] {0, 1, 2, 3, 2, 3, 2, 3});
    assertThat(batches.perEpoch()).isEqualTo(3);
    assertThat(batches.sizeAt(2)).isEqualTo(2);
  }

  @Test
  void withoutTextsFoldersAreClassesAndNothingElse() throws IOException {
    pictures("3_red/a.png", "0_blue/b.png");
    Dataset dataset = open(DataOptions.defaults());
    assertThat(dataset.captions()).isEmpty();
    assertThat(dataset.classNames()).containsExactly("0_blue", "3_red").inOrder();
    assertThat(dataset.repeats(1)).isEqualTo(1);
    assertThat(failure(REQUIRED)).contains("'0_blue' would take its pictures 0 times");
  }

  @Test
  void repeatsOfAPictureAreHeldOutTogether() throws IOException {
    pictures("5_a/a.png", "5_a/b.png", "5_a/c.png", "5_a/d.png");
    HeldOut parts = HeldOut.share(open(REQUIRED), 0.25, 1);
    assertThat(parts.validation().size()).isEqualTo(1);
    assertThat(parts.training().repeats(2)).isEqualTo(5);
    assertThat(new Batches(parts.training(), BatchOptions.defaults()).epoch(0).order())
        .hasLength(15);
  }

  @Test
  void tagsGetANewOrderForEachPictureAndEpoch() throws IOException {
    pictures("9_x/a.png");
    write("9_x/a.txt", "sks,  a, b ,c, d, , e");
    BatchOptions plain = new BatchOptions(3, true, true, 5);
    Dataset dataset = open(REQUIRED);
    Batches batches = new Batches(dataset, plain.withTags(new Tags(true, 2)));
    List<String> first = captions(batches, 0, 0);
    assertThat(Set.copyOf(first).size()).isGreaterThan(3);
    for (String caption : first) {
      assertThat(caption).startsWith("sks, a, ");
      assertThat(caption.split(", ")).asList().containsExactly("sks", "a", "b", "c", "d", "e");
    }
    assertThat(captions(batches, 1, 0)).isNotEqualTo(first);
    assertThat(captions(batches, 0, 1)).isEqualTo(first.subList(3, 9)); // a run that goes on
    assertThat(Set.copyOf(captions(new Batches(dataset, plain), 0, 0))).hasSize(1);
    assertThat(batches.epoch(1).order()).isEqualTo(new Batches(dataset, plain).epoch(1).order());
    assertThrows(SfumatoException.class, () -> new Tags(false, 1));
    assertThrows(SfumatoException.class, () -> new Tags(true, -1));
  }

  private static List<String> captions(Batches batches, int epoch, int position) {
    List<String> all = new ArrayList<>();
    try (BatchStream stream = batches.epoch(epoch).from(position);
        Scope scope = Scope.open()) {
      stream.forEachRemaining(batch -> all.addAll(batch.captions()));
    }
    return all;
  }

  private void pictures(String... names) throws IOException {
    for (String name : names) {
      Files.createDirectories(folder.resolve(name).getParent());
      Files.write(folder.resolve(name), PictureGolden.file("gray.png"));
    }
  }

  private void write(String name, String text) throws IOException {
    Files.writeString(folder.resolve(name), text);
  }

  private Dataset open(DataOptions options) {
    return Datasets.open(folder.toString(), options);
  }

  private String failure(DataOptions options) {
    String message = assertThrows(SfumatoException.class, () -> open(options)).getMessage();
    assertThat(message.lines().count()).isEqualTo(1);
    return message;
  }
}
