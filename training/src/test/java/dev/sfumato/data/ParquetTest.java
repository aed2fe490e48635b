package dev.sfumato.data;

import static com.google.common.truth.Truth.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.sfumato.SfumatoException;
import dev.sfumato.data.DataOptions.Columns;
import dev.sfumato.data.DataOptions.OnBadImage;
import dev.sfumato.picture.PictureGolden;
import dev.sfumato.picture.PictureReader;
import dev.sfumato.picture.Pixels;
import dev.sfumato.picture.Resize;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Parquet files, which DuckDB writes here as the datasets library lays them out. */
class ParquetTest {
  private static final String GRAY = "gray.png";
  private static final String JPEG = "subsampled.jpg";

  @TempDir private Path folder;
  private Connection duckdb;
  private Statement statement;

  @BeforeEach
  void connect() throws SQLException {
    duckdb = DriverManager.getConnection("jdbc:duckdb:");
    statement = duckdb.createStatement();
  }

  @AfterEach
  void disconnect() throws SQLException {
    duckdb.close();
  }

  @Test
  void readsPicturesLabelsAndCaptions() throws Exception {
    write(
        "faces.parquet",
        "SELECT %s AS image, 'a face' AS caption, 'x' AS other, 'b' AS label",
        GRAY);
    write("more.parquet", "SELECT %s AS image, NULL::VARCHAR AS caption, 'a' AS label", JPEG);
    Dataset dataset = open(folder, DataOptions.defaults());
    assertThat(dataset.size()).isEqualTo(2);
    assertThat(dataset.classNames()).containsExactly("a", "b").inOrder();
    assertThat(dataset.label(0)).isEqualTo(1);
    assertThat(dataset.label(1)).isEqualTo(0);
    assertThat(dataset.captions()).containsExactly("a face", "").inOrder();
    assertShows(dataset, 0, GRAY);
    assertShows(dataset, 1, JPEG);
  }

  /** A process that is killed later leaves nothing. */
  @Test
  void theDriversLibraryIsDeletedOnceItIsLoaded() throws Exception {
    Path maps = Path.of("/proc/self/maps");
    assumeTrue(Files.exists(maps), "this system has no /proc");
    write("a.parquet", "SELECT %s AS image", GRAY);
    open(folder, DataOptions.defaults());
    List<String> libraries =
        Files.readAllLines(maps).stream().filter(line -> line.contains("libduckdb_java")).toList();
    assertThat(libraries).isNotEmpty();
    libraries.forEach(line -> assertThat(line).endsWith("(deleted)"));
  }

  @Test
  void librariesOfKilledProcessesAreDeleted() throws Exception {
    Path temporary = Path.of(System.getProperty("java.io.tmpdir"));
    Path old = Files.createTempFile(temporary, "libduckdb_java", ".so");
    Path fresh = Files.createTempFile(temporary, "libduckdb_java", ".so");
    try {
      Files.setLastModifiedTime(old, FileTime.from(Instant.now().minus(2, ChronoUnit.HOURS)));
      write("a.parquet", "SELECT %s AS image", GRAY);
      open(folder, DataOptions.defaults());
      assertThat(Files.exists(old)).isFalse();
      assertThat(Files.exists(fresh)).isTrue();
    } finally {
      Files.deleteIfExists(old);
      Files.deleteIfExists(fresh);
    }
  }

  @Test
  void takesTheClassNamesOfTheDatasetsLibrary() throws Exception {
    String info =
        "{\"info\": {\"features\": {\"image\": {\"_type\": \"Image\"}, \"label\": {\"names\":"
            + " [\"cat\", \"dog\", \"eel\"], \"_type\": \"ClassLabel\"}}}}";
    writeWith(
        "KV_METADATA {huggingface: '" + info + "'}",
        "pets.parquet",
        "SELECT %s AS image, 1::BIGINT AS label",
        GRAY);
    Dataset dataset = open(folder.resolve("pets.parquet"), DataOptions.defaults());
    assertThat(dataset.classNames()).containsExactly("cat", "dog", "eel").inOrder();
    assertThat(dataset.label(0)).isEqualTo(1);
    assertThat(dataset.captions()).isEmpty();
  }

  @Test
  void takesNumbersAsTheirOwnNames() throws Exception {
    write("a.parquet", "SELECT %s AS image, 2::TINYINT AS label", GRAY);
    Dataset dataset = open(folder, DataOptions.defaults());
    assertThat(dataset.classNames()).containsExactly("0", "1", "2").inOrder();
    assertThat(dataset.label(0)).isEqualTo(2);
    write("b.parquet", "SELECT %s AS image, -1::TINYINT AS label", GRAY);
    assertThat(failure(folder, DataOptions.defaults()))
        .contains("label -1 of picture 1 is out of range");
  }

  @Test
  void takesTheColumnsThatAreAskedFor() throws Exception {
    write(
        "a.parquet",
        "SELECT %s AS small, %s.bytes AS big, ['one', 'two'] AS texts, true AS yes",
        GRAY,
        JPEG);
    Dataset usual = open(folder, DataOptions.defaults());
    assertShows(usual, 0, GRAY);
    assertThat(usual.classNames()).isEmpty();
    Dataset asked =
        open(folder, DataOptions.defaults().withColumns(new Columns("big", "yes", "texts")));
    assertShows(asked, 0, JPEG);
    assertThat(asked.classNames()).containsExactly("true");
    assertThat(asked.captions()).containsExactly("one");
  }

  @Test
  void namesTheColumnsThatThereAre() throws Exception {
    write("a.parquet", "SELECT %s AS image, [1] AS label, 'x' AS hue", GRAY);
    assertThat(failure(folder, DataOptions.defaults().withColumns(new Columns("photo", "", ""))))
        .contains("a.parquet: no column 'photo' for `imageColumn`; there are image, label, hue");
    assertThat(failure(folder, DataOptions.defaults().withColumns(new Columns("label", "", ""))))
        .contains("column 'label' holds INTEGER[], not pictures");
    assertThat(failure(folder, DataOptions.defaults().withColumns(new Columns("", "label", ""))))
        .contains("column 'label' holds INTEGER[], not labels");
    assertThat(failure(folder, DataOptions.defaults().withColumns(new Columns("", "", "words"))))
        .contains("no column 'words' for `captionColumn`");
    write("a.parquet", "SELECT 1 AS image, 2 AS label");
    assertThat(failure(folder, DataOptions.defaults()))
        .contains("a.parquet: no column of pictures; there are image, label");
  }

  @Test
  void choosesTheFilesOfASplit() throws Exception {
    Files.createDirectories(folder.resolve("data"));
    write("data/train-00000-of-00002.parquet", "SELECT %s AS image", GRAY);
    write("data/train-00001-of-00002.parquet", "SELECT %s AS image", JPEG);
    write("data/validation-00000-of-00001.parquet", "SELECT %s AS image", JPEG);
    DataOptions options = DataOptions.defaults();
    assertThat(open(folder, options).size()).isEqualTo(2);
    Dataset test = Datasets.openTestSplit(folder.toString(), options).orElseThrow();
    assertThat(test.size()).isEqualTo(1);
    assertShows(test, 0, JPEG);
    assertThat(open(folder.resolve("data/*-0000[0]-*.parquet"), options).size()).isEqualTo(2);
    assertThat(Datasets.openTestSplit(folder + "/data/train-*.parquet", options)).isEmpty();
  }

  @Test
  void readsPicturesThatLieBesideTheTable() throws Exception {
    Files.createDirectories(folder.resolve("data/pictures"));
    Files.write(folder.resolve("data/pictures/a.png"), PictureGolden.file(GRAY));
    Files.write(folder.resolve("b.jpg"), PictureGolden.file(JPEG));
    write(
        "data/t.parquet",
        "SELECT unnest(['pictures/a.png', 'b.jpg', '.\\pictures\\a.png']) AS file_name, 'x' AS text");
    Dataset dataset = open(folder, DataOptions.defaults());
    assertThat(dataset.size()).isEqualTo(3);
    assertShows(dataset, 0, GRAY);
    assertShows(dataset, 1, JPEG);
    write("data/t.parquet", "SELECT {bytes: NULL::BLOB, path: 'pictures/a.png'} AS photo");
    assertShows(open(folder.resolve("data/t.parquet"), DataOptions.defaults()), 0, GRAY);
    write("data/t.parquet", "SELECT '../b.jpg' AS image"); // outside
    assertThat(failure(folder.resolve("data/t.parquet"), DataOptions.defaults()))
        .contains("t.parquet, row 1: no such file ../b.jpg in ");
  }

  @Test
  void tellsThatPicturesBesideATableOfOthersAreLeftOut() throws Exception {
    write("a.parquet", "SELECT %s AS image", GRAY);
    Files.write(folder.resolve("b.png"), PictureGolden.file(GRAY));
    DataOptions options = DataOptions.defaults();
    List<String> told =
        LoggedMessages.of(() -> assertThat(open(folder, options).size()).isEqualTo(1));
    assertThat(String.join("", told))
        .endsWith(folder + ": pictures beside Parquet files left out: 1");
  }

  @Test
  void aColumnOfOtherTextsIsOneLine() throws Exception {
    write("a.parquet", "SELECT %s AS image, unnest(['a rose', 'a lily']) AS title", GRAY);
    DataOptions options = DataOptions.defaults().withColumns(new Columns("title", "", ""));
    List<String> told =
        LoggedMessages.of(
            () ->
                assertThat(failure(folder, options))
                    .isEqualTo(
                        "F: the column 'title' names no files that are there (F/a.parquet, row 1: no"
                            .concat(" such file a rose in F): choose another `imageColumn`")
                            .replace("F", folder.toString())));
    assertThat(told).isEmpty();
    Files.write(folder.resolve("a lily"), PictureGolden.file(GRAY));
    assertThat(failure(folder, options)).contains("1 of 2 files cannot be used as pictures");
  }

  @Test
  void refusesLabelsThatDoNotFit() throws Exception {
    for (String label : new String[] {"4294967296::BIGINT", "-1", "1.5::DOUBLE", "'nan'::FLOAT"}) {
      write("a.parquet", "SELECT %s AS image, " + label + " AS label", GRAY);
      assertThat(failure(folder, DataOptions.defaults())).contains("of picture 0 is ");
    }
    write("a.parquet", "SELECT %s AS image, 2.0::DOUBLE AS label", GRAY);
    assertThat(open(folder, DataOptions.defaults()).label(0)).isEqualTo(2);
  }

  @Test
  void labelsMeanTheSameInEverySplit() throws Exception {
    write("train.parquet", "SELECT %s AS image, 'z' AS label", GRAY);
    write("test.parquet", "SELECT %s AS image, unnest(['a', 'z']) AS label", GRAY);
    Dataset train = open(folder, DataOptions.defaults());
    assertThat(train.classNames()).containsExactly("a", "z").inOrder();
    assertThat(train.label(0)).isEqualTo(1);
    assertThat(open(folder, DataOptions.defaults().withSplit(DataOptions.Split.TEST)).classNames())
        .isEqualTo(train.classNames());
  }

  @Test
  void namesBadPicturesByTheirRow() throws Exception {
    write(
        "a.parquet",
        "SELECT unnest([%s, {bytes: 'text'::BLOB, path: 'x.png'}, {bytes: NULL, path: 'y.png'}])"
            + " AS image",
        GRAY);
    String message = failure(folder, DataOptions.defaults());
    assertThat(message).contains("2 of 3 files cannot be used as pictures");
    assertThat(message).contains("a.parquet, row 2: not a JPEG");
    assertThat(message).contains("a.parquet, row 3: no such file y.png in ");
    Dataset good = open(folder, DataOptions.defaults().withOnBadImage(OnBadImage.SKIP));
    assertThat(good.size()).isEqualTo(1);
  }

  @Test
  void refusesWhatIsNoParquet() throws Exception {
    Path file = folder.resolve("a.parquet");
    Files.write(file, new byte[0]);
    assertThat(failure(file, DataOptions.defaults())).contains("a.parquet: the file is empty");
    Files.writeString(file, "a text of some length");
    assertThat(failure(file, DataOptions.defaults())).contains("a.parquet: not a Parquet file");
    write("a.parquet", "SELECT %s AS image", GRAY);
    byte[] whole = Files.readAllBytes(file);
    Files.write(file, Arrays.copyOf(whole, whole.length - 10));
    assertThat(failure(file, DataOptions.defaults())).contains("a.parquet: a truncated Parquet");
    whole[whole.length - 6] ^= 0x55; // of the length of the footer
    Files.write(file, whole);
    assertThat(failure(file, DataOptions.defaults())).contains("a.parquet: cannot be read (");
    write("a.parquet", "SELECT %s AS image WHERE false", GRAY);
    assertThat(failure(file, DataOptions.defaults())).contains("a.parquet: no rows");
  }

  @Test
  void refusesFilesThatDoNotGoTogether() throws Exception {
    write("a.parquet", "SELECT %s AS image, 'x' AS label", GRAY);
    write("b.parquet", "SELECT %s AS image, 1 AS label", GRAY);
    assertThat(failure(folder, DataOptions.defaults()))
        .contains("b.parquet: its classes differ from those of the files before it");
    write("b.parquet", "SELECT %s AS image", GRAY);
    assertThat(failure(folder, DataOptions.defaults()))
        .contains("not all files have a column 'label'");
    write("b.parquet", "SELECT %s AS image, NULL::VARCHAR AS label", GRAY);
    assertThat(failure(folder, DataOptions.defaults())).contains("b.parquet, row 1: no label");
  }

  // ----

  /** Writes the rows of a query, in which {@code %s} stands for pictures. */
  private void write(String name, String query, String... pictures) throws Exception {
    writeWith("COMPRESSION snappy", name, query, pictures);
  }

  private void writeWith(String option, String name, String query, String... pictures)
      throws SQLException, IOException {
    Object[] structs =
        Arrays.stream(pictures)
            .map(
                picture ->
                    "{bytes: from_base64('%s'), path: '%s'}"
                        .formatted(
                            Base64.getEncoder().encodeToString(PictureGolden.file(picture)),
                            picture))
            .toArray();
    statement.execute(
        "COPY (%s) TO '%s' (FORMAT parquet, %s)"
            .formatted(query.formatted(structs), folder.resolve(name), option));
  }

  private static Dataset open(Path data, DataOptions options) {
    return Datasets.open(data.toString(), options);
  }

  private static String failure(Path data, DataOptions options) {
    String message = assertThrows(SfumatoException.class, () -> open(data, options)).getMessage();
    assertThat(message.lines().count()).isEqualTo(1);
    return message;
  }

  private static void assertShows(Dataset dataset, int index, String name) {
    Pixels expected = Resize.smallerEdge(PictureReader.read(PictureGolden.file(name), name), 64);
    assertThat(PictureGolden.distance(dataset.pixels(index), expected)).isEqualTo(0);
  }
}
