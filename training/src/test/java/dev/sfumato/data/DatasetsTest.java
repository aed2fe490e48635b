package dev.sfumato.data;

import static com.google.common.truth.Truth.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.sfumato.SfumatoException;
import dev.sfumato.data.DataOptions.Channels;
import dev.sfumato.data.DataOptions.OnBadImage;
import dev.sfumato.data.DataOptions.Split;
import dev.sfumato.picture.PictureGolden;
import dev.sfumato.picture.PictureReader;
import dev.sfumato.picture.Pixels;
import dev.sfumato.picture.Resize;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.stream.IntStream;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DatasetsTest {
  private static final String IMAGES = "train-images-idx3-ubyte";
  private static final String LABELS = "train-labels-idx1-ubyte";

  @TempDir private Path folder;

  // ---- idx files

  @Test
  void readsIdxFiles() throws IOException {
    write(IMAGES, idx(0x803, new int[] {2, 2, 3}, 0, 51, 102, 153, 204, 255, 1, 2, 3, 4, 5, 6));
    write(LABELS, idx(0x801, new int[] {2}, 9, 0));
    Dataset dataset = open(DataOptions.defaults());
    assertThat(dataset.size()).isEqualTo(2);
    assertThat(dataset.channels()).isEqualTo(1);
    assertThat(dataset.height()).isEqualTo(2);
    assertThat(dataset.width()).isEqualTo(3);
    assertThat(dataset.classNames()).hasSize(10);
    assertThat(dataset.label(0)).isEqualTo(9);
    assertThat(dataset.label(1)).isEqualTo(0);
    assertThat(dataset.pixels(1).values()).isEqualTo(new byte[] {1, 2, 3, 4, 5, 6});
    float[] first = dataset.picture(0);
    assertThat(first).usingTolerance(1e-6).containsExactly(-1, -0.6, -0.2, 0.2, 0.6, 1).inOrder();
  }

  @Test
  void readsGzippedFilesOfTheSplitAskedFor() throws IOException {
    write(IMAGES + ".gz", gzip(idx(0x803, new int[] {1, 1, 2}, 7, 8)));
    write("t10k-images-idx3-ubyte.gz", gzip(idx(0x803, new int[] {1, 1, 2}, 5, 6)));
    Dataset test = open(DataOptions.defaults().withSplit(Split.TEST));
    assertThat(test.pixels(0).values()).isEqualTo(new byte[] {5, 6});
    assertThat(test.classNames()).isEmpty();
    assertThrows(IllegalStateException.class, () -> test.label(0));
  }

  @Test
  void resizesAndColoursIdxPictures() throws IOException {
    write(IMAGES, idx(0x803, new int[] {1, 2, 2}, 9, 9, 9, 9));
    Dataset dataset = open(DataOptions.defaults().withResolution(5).withChannels(Channels.RGB));
    byte[] nines = new byte[75];
    Arrays.fill(nines, (byte) 9);
    assertThat(dataset.channels()).isEqualTo(3);
    assertThat(dataset.height()).isEqualTo(5);
    assertThat(dataset.pixels(0).values()).isEqualTo(nines);
  }

  @Test
  void namesWhatIsWrongWithIdxFiles() throws IOException {
    write(IMAGES, idx(0x801, new int[] {1, 1, 1}, 0));
    assertThat(failure()).contains(IMAGES + ": not an idx file of bytes in 3 dimensions");
    write(IMAGES, idx(0x803, new int[] {1, 2, 2}, 1, 2, 3));
    assertThat(failure()).contains(IMAGES + ": truncated, holds 3 of the 4 bytes");
    write(IMAGES, idx(0x803, new int[] {1, 1, 1}, 1, 2));
    assertThat(failure()).contains(IMAGES + ": has more than the 1 bytes");
    write(IMAGES, new byte[] {0, 0});
    assertThat(failure()).contains(IMAGES + ": truncated");
    write(IMAGES, idx(0x803, new int[] {60000, 60000, 60000}));
    assertThat(failure()).contains(IMAGES + ": declares an impossible shape");
    write(IMAGES, idx(0x803, new int[] {0, 28, 28}));
    assertThat(failure()).contains(IMAGES + ": declares an impossible shape [0, 28, 28]");
  }

  @Test
  void namesWhatIsWrongWithGzippedFiles() throws IOException {
    byte[] whole = gzip(idx(0x803, new int[] {1, 20, 20}, new int[400]));
    write(IMAGES + ".gz", Arrays.copyOf(whole, whole.length - 12));
    assertThat(failure()).contains(IMAGES + ".gz: truncated");
    write(IMAGES + ".gz", idx(0x803, new int[] {1, 1, 1}, 0));
    assertThat(failure()).contains(IMAGES + ".gz: cannot be read (Not in GZIP format)");
  }

  @Test
  void namesLabelsThatDoNotFit() throws IOException {
    write(IMAGES, idx(0x803, new int[] {2, 1, 1}, 0, 0));
    write(LABELS, idx(0x801, new int[] {3}, 0, 1, 2));
    assertThat(failure()).contains(LABELS + ": 3 labels, but ");
    write(LABELS, idx(0x801, new int[] {2}, 9, 10));
    assertThat(failure())
        .contains(LABELS + ": label 10 of picture 1 is out of range, must be 0 to 9");
  }

  // ---- folders of pictures

  @Test
  void takesSubfoldersAsClasses() throws IOException {
    write("dog/b.png", PictureGolden.file("gray.png"));
    write("cat/deep/a.JPG", PictureGolden.file("CAPITALS.JPG"));
    write("cat/.hidden.png", new byte[0]);
    write("cat/notes.txt", new byte[] {1});
    Dataset dataset = open(DataOptions.defaults().withCenterCrop(true));
    assertThat(dataset.size()).isEqualTo(2);
    assertThat(dataset.classNames()).containsExactly("cat", "dog").inOrder();
    assertThat(dataset.label(0)).isEqualTo(0);
    assertThat(dataset.label(1)).isEqualTo(1);
    assertThat(dataset.channels()).isEqualTo(3);
    assertThat(dataset.height()).isEqualTo(64);
    Pixels expected = PictureReader.read(PictureGolden.file("gray.png"), "gray.png");
    expected = Resize.smallerEdge(expected, 64).centerCrop(64, 64);
    assertThat(PictureGolden.distance(dataset.pixels(1), expected)).isEqualTo(0);
  }

  @Test
  void ordersClassesThatAreNumbersByTheirNumbers() throws IOException {
    for (String name : new String[] {"0", "1", "2", "10", "11"}) {
      write(name + "/a.png", PictureGolden.file("gray.png"));
    }
    Dataset numbers = open(DataOptions.defaults());
    assertThat(numbers.classNames()).containsExactly("0", "1", "2", "10", "11").inOrder();
    assertThat(IntStream.range(0, 5).map(numbers::label).boxed().toList())
        .containsExactly(0, 1, 3, 4, 2); // the pictures come in the order of their paths
    write("x/a.png", PictureGolden.file("gray.png"));
    assertThat(open(DataOptions.defaults()).classNames())
        .containsExactly("0", "1", "10", "11", "2", "x")
        .inOrder();
  }

  @Test
  void hasNoClassesWherePicturesLieBesideSubfolders() throws IOException {
    write("a.png", PictureGolden.file("gray.png"));
    write("more/b.png", PictureGolden.file("gray.png"));
    Dataset dataset = open(DataOptions.defaults().withResolution(8).withChannels(Channels.GRAY));
    assertThat(dataset.size()).isEqualTo(2);
    assertThat(dataset.classNames()).isEmpty();
    assertThat(dataset.pixels(0).channels()).isEqualTo(1);
    assertThat(dataset.pixels(0).height()).isEqualTo(8);
    assertThat(dataset.pixels(0).width()).isEqualTo(10); // 23 * 8 / 17: the crop is drawn later
  }

  @Test
  void leavesOutWhatIsNotMeantToBeSeen() throws IOException {
    byte[] png = PictureGolden.file("gray.png");
    write("a.png", png);
    String[] others = {
      "@eaDir/a.png/SYNOPHOTO_THUMB_M.png",
      ".thumbnails/a.png",
      "__MACOSX/._a.png",
      "__pycache__/a.png",
      "#recycle/b.png",
      "sub/.hidden.png",
      "$RECYCLE.BIN/c.png",
    };
    for (String other : others) {
      write(other, png);
    }
    assertThat(open(DataOptions.defaults()).size()).isEqualTo(1);
    write("__init__.png", png); // a file, not a folder
    write("@home/b.png", png);
    assertThat(open(DataOptions.defaults()).size()).isEqualTo(3);
  }

  @Test
  void followsLinksOnceRound() throws IOException {
    write("real/a.png", PictureGolden.file("gray.png"));
    Files.createDirectories(folder.resolve("cat"));
    Files.createSymbolicLink(folder.resolve("cat/pictures"), folder.resolve("real"));
    Files.createSymbolicLink(folder.resolve("cat/up"), folder);
    Files.createSymbolicLink(folder.resolve("real/gone.png"), folder.resolve("nothing"));
    Dataset dataset = open(DataOptions.defaults());
    assertThat(dataset.size()).isEqualTo(2);
    assertThat(dataset.classNames()).containsExactly("cat", "real").inOrder();
  }

  @Test
  void leavesOutTheOutputOfRuns() throws IOException {
    write("a.png", PictureGolden.file("gray.png"));
    write("run/samples/step-000001.png", PictureGolden.file("gray.png"));
    write("run/.lock", new byte[0]);
    write("run/metrics.csv", new byte[0]);
    assertThat(open(DataOptions.defaults()).size()).isEqualTo(1);
  }

  /** A name in Latin-1, which Java cannot write but a shell can. */
  @Test
  void readsFilesWhoseNamesAreNotUtf8() throws Exception {
    write("x.png", PictureGolden.file("gray.png"));
    String script = "cp x.png \"$(printf 'caf\\351.png')\"; cp x.png \"$(printf 'caf\\350.png')\"";
    assumeTrue(
        new ProcessBuilder("sh", "-c", script).directory(folder.toFile()).start().waitFor() == 0);
    write("metadata.csv", "file_name,text\ncaf\u00e9.png,e\n".getBytes(StandardCharsets.UTF_8));
    assertThat(open(DataOptions.defaults()).captions()).containsExactly("e");
    Files.delete(folder.resolve("metadata.csv"));
    assertThat(open(DataOptions.defaults()).size()).isEqualTo(3);
  }

  @Test
  void refusesIdxFilesThatUnpackToTooMuch() throws IOException {
    byte[] header = idx(0x803, new int[] {2_000_000_000, 1, 1});
    write(IMAGES + ".gz", gzip(header));
    assertThat(failure()).contains("more than a file of its size unpacks to");
  }

  @Test
  void namesAllBadPicturesAtOnce() throws IOException {
    writeGoodAndBad();
    String message = failure();
    assertThat(message).contains("3 of 4 files cannot be used as pictures (`onBadImage` skip");
    assertThat(message).contains("empty.png: the file is empty");
    assertThat(message).contains("text.gif: not a JPEG");
    assertThat(message).contains("cut.jpg: damaged JPEG picture");
    assertThat(message).doesNotContain("good.png");
  }

  /** All are in the log, for a line does not hold them. */
  @Test
  void saysOfManyBadPicturesWhereTheirListIs() throws IOException {
    for (int i = 0; i < 30; i++) {
      write("x/%02d.png".formatted(i), new byte[0]);
    }
    String message = failure();
    assertThat(message).contains("30 of 30 files cannot be used as pictures");
    assertThat(message).contains("listed above, the first is ");
    assertThat(message).endsWith("00.png: the file is empty");
  }

  @Test
  void skipsBadPictures() throws IOException {
    writeGoodAndBad();
    Dataset dataset = open(DataOptions.defaults().withOnBadImage(OnBadImage.SKIP));
    assertThat(dataset.size()).isEqualTo(1);
    assertThat(dataset.classNames()).containsExactly("x", "y").inOrder();
    assertThat(dataset.label(0)).isEqualTo(1);
    assertThat(dataset.pixels(0).height()).isEqualTo(64);
  }

  private void writeGoodAndBad() throws IOException {
    byte[] jpeg = PictureGolden.file("subsampled.jpg");
    write("x/empty.png", new byte[0]);
    write("x/text.gif", "text".getBytes(StandardCharsets.UTF_8));
    write("y/cut.jpg", Arrays.copyOf(jpeg, jpeg.length * 9 / 10));
    write("y/good.png", PictureGolden.file("palette.png"));
  }

  @Test
  void refusesAnEmptyDataSet() throws IOException {
    assertThat(failure()).contains(": no pictures (jpg, png, gif, bmp, webp), no Parquet");
    write("bad.png", new byte[0]);
    DataOptions skip = DataOptions.defaults().withOnBadImage(OnBadImage.SKIP);
    SfumatoException e = assertThrows(SfumatoException.class, () -> open(skip));
    assertThat(e).hasMessageThat().contains("none of the 1 files can be read as a picture");
  }

  @Test
  void refusesWhatIsNotThere() throws IOException {
    write("file.txt", new byte[1]);
    DataOptions options = DataOptions.defaults();
    String file = folder.resolve("file.txt").toString();
    assertThat(assertThrows(SfumatoException.class, () -> Datasets.open(file, options)))
        .hasMessageThat()
        .contains("file.txt: neither Parquet nor a zip or tar archive");
    String missing = folder.resolve("missing").toString();
    assertThat(assertThrows(SfumatoException.class, () -> Datasets.open(missing, options)))
        .hasMessageThat()
        .contains("missing: there is no such folder or file");
    assertThat(assertThrows(SfumatoException.class, () -> Datasets.open("", options)))
        .hasMessageThat()
        .isEqualTo("the name of the data is empty");
    assertThrows(SfumatoException.class, () -> DataOptions.defaults().withResolution(-1));
  }

  // ----

  private Dataset open(DataOptions options) {
    return Datasets.open(folder.toString(), options);
  }

  private String failure() {
    String message =
        assertThrows(SfumatoException.class, () -> open(DataOptions.defaults())).getMessage();
    assertThat(message.lines().count()).isEqualTo(1);
    return message;
  }

  private void write(String name, byte[] bytes) throws IOException {
    Path file = folder.resolve(name);
    Files.createDirectories(file.getParent());
    Files.write(file, bytes);
  }

  private static byte[] idx(int magic, int[] shape, int... values) {
    ByteBuffer out = ByteBuffer.allocate(4 + 4 * shape.length + values.length).putInt(magic);
    for (int size : shape) {
      out.putInt(size);
    }
    for (int value : values) {
      out.put((byte) value);
    }
    return out.array();
  }

  private static byte[] gzip(byte[] bytes) throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    try (OutputStream gzip = new GZIPOutputStream(out)) {
      gzip.write(bytes);
    }
    return out.toByteArray();
  }
}
