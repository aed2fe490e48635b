package dev.sfumato.data;

import static com.google.common.truth.Truth.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.sfumato.SfumatoException;
import dev.sfumato.picture.PictureGolden;
import dev.sfumato.picture.PictureReader;
import dev.sfumato.picture.Pixels;
import dev.sfumato.picture.Resize;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.Statement;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.zip.GZIPOutputStream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveOutputStream;
import org.apache.commons.compress.archivers.tar.TarConstants;
import org.apache.commons.compress.compressors.bzip2.BZip2CompressorOutputStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Zip and tar archives of pictures. */
class ArchivesTest {
  private static final byte[] PNG = PictureGolden.file("gray.png");
  private static final byte[] JPEG = PictureGolden.file("subsampled.jpg");

  @TempDir private Path folder;
  private final Map<String, byte[]> entries = new LinkedHashMap<>();

  @BeforeEach
  void fill() {
    entries.put("./pets/dog/b.png", PNG);
    entries.put("./pets/cat/deep/a.JPG", JPEG);
    entries.put("./pets/cat/.hidden.png", new byte[0]);
    entries.put("__MACOSX/pets/cat/a.JPG", new byte[3]);
    entries.put("./pets/notes.txt", new byte[] {1});
  }

  @ParameterizedTest
  @ValueSource(strings = {"a.zip", "a.tar", "a.tar.gz", "a.tgz", "a.tar.bz2"})
  void takesSubfoldersAsClasses(String name) throws IOException {
    Dataset dataset = open(write(name));
    assertThat(dataset.size()).isEqualTo(2);
    assertThat(dataset.classNames()).containsExactly("cat", "dog").inOrder();
    assertThat(dataset.label(0)).isEqualTo(0);
    assertThat(dataset.label(1)).isEqualTo(1);
    assertShows(dataset, 0, JPEG);
    assertShows(dataset, 1, PNG);
    assertThat(Datasets.pictures(folder.resolve(name).toString()).map(Pixels::width).toList())
        .containsExactly(23, 23);
  }

  @ParameterizedTest
  @ValueSource(strings = {"a.zip", "a.tar", "a.tar.gz"})
  void readsMetadata(String name) throws IOException {
    String rows =
        """
        {"file_name": "dog/b.png", "text": "a dog"}
        {"file_name": "cat/deep/a.JPG", "text": "a cat"}
        """;
    entries.put("./pets/metadata.jsonl", rows.getBytes(StandardCharsets.UTF_8));
    Dataset dataset = open(write(name));
    assertThat(dataset.captions()).containsExactly("a dog", "a cat").inOrder();
    assertThat(dataset.label(0)).isEqualTo(1);
    assertShows(dataset, 0, PNG);
  }

  @ParameterizedTest
  @ValueSource(strings = {"a.zip", "a.tar", "a.tar.gz"})
  void leavesOutNamesThatLeadElsewhere(String name) throws IOException {
    entries.put("../../evil.png", PNG);
    entries.put("./pets/../../evil.png", PNG);
    entries.put("/fish/c.png", PNG);
    Dataset dataset = open(write(name));
    assertThat(dataset.size()).isEqualTo(3);
    assertThat(dataset.classNames()).containsExactly("fish", "pets").inOrder();
    assertThat(Files.exists(folder.resolve("evil.png"))).isFalse();
  }

  @ParameterizedTest
  @ValueSource(strings = {"a.zip", "a.tar", "a.tar.gz"})
  void namesBadPictures(String name) throws IOException {
    entries.put("./pets/dog/c.png", new byte[] {1, 2});
    assertThat(failure(write(name)))
        .contains("1 of 3 files cannot be used as pictures (`onBadImage` skip leaves them out):");
    assertThat(failure(folder.resolve(name))).contains(name + "/dog/c.png: not a JPEG");
  }

  @Test
  void canBeReadAfterBatchesWereLeft() throws IOException {
    DataOptions options = DataOptions.defaults().withCenterCrop(true).withCacheMegabytes(0);
    Dataset dataset = Datasets.open(write("a.tar").toString(), options);
    Batches batches = new Batches(dataset, new BatchOptions(1, false, false, 0));
    for (int i = 0; i < 50; i++) {
      batches.epoch(i).from(0).close();
    }
    assertThat(dataset.pixels(0).width()).isEqualTo(64);
  }

  @Test
  void refusesWhatUnpacksToFarTooMuch() throws IOException {
    entries.put("./pets/dog/zeros.png", new byte[20 << 20]);
    assertThat(failure(write("a.tar.gz"))).contains("unpacks to more than 200 times its size");
  }

  @ParameterizedTest
  @ValueSource(strings = {"a.zip", "a.tar.gz"})
  void namesMayHaveAnyNumberOfSlashesAndDots(String name) throws IOException {
    entries.put("./pets/" + "./".repeat(10_000) + "dog/d.png", PNG);
    entries.put("/".repeat(10_000) + "pets/dog/e.png", PNG);
    assertThat(open(write(name)).size()).isEqualTo(4);
    entries.clear();
    entries.put("deep/".repeat(10_000) + "f.png", PNG);
    assertThat(open(write(name)).size()).isEqualTo(1);
  }

  /** As Windows writes them: in a code page that the archive does not name. */
  @ParameterizedTest
  @ValueSource(strings = {"IBM437", "windows-1252", "Shift_JIS", "GBK"})
  void readsNamesOfOtherEncodings(String charset) throws IOException {
    Path file = folder.resolve("a.zip");
    String letters = charset.matches("IBM437|windows-1252") ? "\u00e9\u00fc" : "\u4e2d\u53e3";
    try (ZipOutputStream zip =
        new ZipOutputStream(Files.newOutputStream(file), Charset.forName(charset))) {
      for (String name : new String[] {letters + "/1.png", "b/" + letters + ".png"}) {
        zip.putNextEntry(new ZipEntry(name));
        zip.write(PNG);
      }
    }
    Dataset dataset = open(file);
    assertThat(dataset.size()).isEqualTo(2);
    assertThat(dataset.classNames()).hasSize(2);
    if (charset.equals("IBM437")) {
      assertThat(dataset.classNames()).containsExactly("b", letters).inOrder();
    }
  }

  /** The second byte of many letters in Shift-JIS and Big5 is a backslash. */
  @ParameterizedTest
  @ValueSource(strings = {"%s/%s.png", "%s%s.png"})
  void takesNoHalfOfALetterForASeparator(String form) throws IOException {
    Path file = folder.resolve("a.zip");
    try (ZipOutputStream zip =
        new ZipOutputStream(Files.newOutputStream(file), Charset.forName("Shift_JIS"))) {
      for (String name :
          new String[] {form.formatted("\u8868", "\u30bd"), form.formatted("\u80fd", "b")}) {
        zip.putNextEntry(new ZipEntry(name));
        zip.write(PNG);
      }
    }
    Dataset dataset = open(file);
    assertThat(dataset.size()).isEqualTo(2);
    assertThat(dataset.classNames()).hasSize(form.contains("/") ? 2 : 0);
  }

  /** Both names are not UTF-8, and must not become the same. */
  @ParameterizedTest
  @ValueSource(strings = {"a.tar", "a.tar.gz"})
  void tellsNamesOfOtherEncodingsInTarsApart(String name) throws IOException {
    Path file = folder.resolve(name);
    try (TarArchiveOutputStream tar = new TarArchiveOutputStream(compressed(file), "GBK")) {
      for (String animal : new String[] {"\u72d7", "\u9e21"}) {
        put(tar, new TarArchiveEntry(animal + "/1.png"), PNG);
      }
    }
    assertThat(open(file).classNames()).hasSize(2);
  }

  @ParameterizedTest
  @ValueSource(strings = {"a.tar", "a.tar.gz"})
  void followsLinksInTars(String name) throws IOException {
    Path file = folder.resolve(name);
    try (TarArchiveOutputStream tar = new TarArchiveOutputStream(compressed(file))) {
      put(tar, new TarArchiveEntry("/dog/a.png"), PNG);
      put(tar, link("cat/hard.png", TarConstants.LF_LINK, "dog/a.png"), new byte[0]);
      put(tar, link("cat/soft.png", TarConstants.LF_SYMLINK, "../dog/a.png"), new byte[0]);
      put(tar, link("cat/away.png", TarConstants.LF_SYMLINK, "/etc/passwd"), new byte[0]);
      put(tar, new TarArchiveEntry("cat/pipe.png", TarConstants.LF_FIFO), new byte[0]);
    }
    Dataset dataset = open(file);
    assertThat(dataset.size()).isEqualTo(3);
    assertThat(dataset.classNames()).containsExactly("cat", "dog").inOrder();
    assertShows(dataset, 0, PNG);
    assertShows(dataset, 1, PNG);
  }

  private static TarArchiveEntry link(String name, byte kind, String target) {
    TarArchiveEntry link = new TarArchiveEntry(name, kind);
    link.setLinkName(target);
    return link;
  }

  private static void put(TarArchiveOutputStream tar, TarArchiveEntry entry, byte[] bytes)
      throws IOException {
    entry.setSize(bytes.length);
    tar.putArchiveEntry(entry);
    tar.write(bytes);
    tar.closeArchiveEntry();
  }

  @Test
  void doesNotWaitForAPipe() throws Exception {
    Path pipe = folder.resolve("a.zip");
    assertThat(new ProcessBuilder("mkfifo", pipe.toString()).start().waitFor()).isEqualTo(0);
    assertThat(failure(pipe)).isEqualTo(pipe + ": a pipe or a device, not a file");
    assertThat(assertThrows(SfumatoException.class, () -> PictureReader.read(pipe)))
        .hasMessageThat()
        .isEqualTo(pipe + ": a folder, a pipe or a device, not a picture file");
  }

  @Test
  void readsMetadataInParquet() throws Exception {
    Path table = folder.resolve("t.parquet");
    try (Connection duckdb = DriverManager.getConnection("jdbc:duckdb:");
        Statement statement = duckdb.createStatement()) {
      statement.execute(
          "COPY (SELECT 'dog/b.png' AS file_name, 'a dog' AS text) TO '%s' (FORMAT parquet)"
              .formatted(table));
    }
    entries.put("./pets/metadata.parquet", Files.readAllBytes(table));
    Files.delete(table);
    assertThat(open(write("a.zip")).captions()).containsExactly("a dog");
    Path unpacked = Files.createDirectories(folder.resolve("unpacked/dog"));
    Files.write(unpacked.resolve("b.png"), PNG);
    Files.write(
        unpacked.resolveSibling("metadata.parquet"), entries.get("./pets/metadata.parquet"));
    assertThat(open(unpacked.getParent()).captions()).containsExactly("a dog");
  }

  @Test
  void refusesAZipThatUnpacksToFarTooMuch() throws IOException {
    entries.put("./pets/dog/zeros.bmp", new byte[20 << 20]);
    assertThat(failure(write("a.zip"))).contains("unpacks to more than 200 times its size");
  }

  @Test
  void refusesDamagedArchives() throws IOException {
    for (String name : new String[] {"a.zip", "a.tar.gz", "a.tar"}) {
      byte[] whole = Files.readAllBytes(write(name));
      Files.write(folder.resolve(name), Arrays.copyOf(whole, whole.length / 8));
      assertThat(failure(folder.resolve(name))).contains(name + ": ");
    }
    Files.writeString(folder.resolve("a.zip"), "text");
    assertThat(failure(folder.resolve("a.zip"))).contains("a.zip: not a zip archive");
    Files.write(folder.resolve("a.tar"), new byte[0]);
    assertThat(failure(folder.resolve("a.tar"))).contains("a.tar: the file is empty");
    Files.writeString(folder.resolve("a.rar"), "text");
    assertThat(failure(folder.resolve("a.rar"))).contains("neither Parquet nor a zip or tar");
    entries.clear();
    entries.put("notes.txt", new byte[1]);
    assertThat(failure(write("b.zip"))).contains("b.zip: no pictures");
  }

  // ----

  private Path write(String name) throws IOException {
    Path file = folder.resolve(name);
    if (name.endsWith(".zip")) {
      try (ZipOutputStream zip = new ZipOutputStream(Files.newOutputStream(file))) {
        for (Map.Entry<String, byte[]> entry : entries.entrySet()) {
          zip.putNextEntry(new ZipEntry(entry.getKey()));
          zip.write(entry.getValue());
        }
      }
      return file;
    }
    try (TarArchiveOutputStream tar = new TarArchiveOutputStream(compressed(file))) {
      for (Map.Entry<String, byte[]> entry : entries.entrySet()) {
        tar.setLongFileMode(TarArchiveOutputStream.LONGFILE_POSIX);
        TarArchiveEntry header = new TarArchiveEntry(entry.getKey(), true);
        header.setSize(entry.getValue().length);
        tar.putArchiveEntry(header);
        tar.write(entry.getValue());
        tar.closeArchiveEntry();
      }
    }
    return file;
  }

  private static OutputStream compressed(Path file) throws IOException {
    OutputStream out = Files.newOutputStream(file);
    if (file.toString().endsWith("gz")) {
      return new GZIPOutputStream(out, 1 << 16);
    }
    return file.toString().endsWith("bz2") ? new BZip2CompressorOutputStream(out) : out;
  }

  private static Dataset open(Path data) {
    return Datasets.open(data.toString(), DataOptions.defaults());
  }

  private static String failure(Path data) {
    String message = assertThrows(SfumatoException.class, () -> open(data)).getMessage();
    assertThat(message.lines().count()).isEqualTo(1);
    return message;
  }

  private static void assertShows(Dataset dataset, int index, byte[] file) {
    Pixels expected = Resize.smallerEdge(PictureReader.read(file, "expected"), 64);
    assertThat(PictureGolden.distance(dataset.pixels(index), expected)).isEqualTo(0);
  }
}
