package dev.sfumato.data;

import static com.google.common.truth.Truth.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.sfumato.SfumatoException;
import dev.sfumato.data.DataOptions.Split;
import dev.sfumato.picture.PictureGolden;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.IntStream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Folders and archives with parts for training, validation and test. */
class SplitsTest {
  private static final byte[] PNG = PictureGolden.file("gray.png");

  @TempDir private Path folder;

  @Test
  void foldersNamedAfterSplitsAreNoClasses() throws IOException {
    write("train/cat/1.png", "train/dog/2.png", "train/dog/3.png", "test/cat/4.png");
    assertHas(Split.TRAIN, 3, "cat", "dog");
    assertHas(Split.TEST, 1, "cat", "dog"); // labels mean the same in both
    assertHas(Split.ALL, 4, "cat", "dog");
    assertThat(failure(Split.VALIDATION))
        .contains(": no split 'validation', only train and test: see `split`");
    assertThat(Datasets.splits(folder.toString())).containsExactly(Split.TRAIN, Split.TEST);
    assertThat(Datasets.measured(folder.toString())).isEqualTo(Split.TEST);
  }

  @Test
  void archivesHaveSplitsToo() throws IOException {
    zip("d.zip", "train/cat/1.png", "train/dog/2.png", "test/cat/3.png", "test/dog/4.png");
    Dataset dataset = open(folder.resolve("d.zip"), Split.TRAIN);
    assertThat(dataset.size()).isEqualTo(2);
    assertThat(dataset.classNames()).containsExactly("cat", "dog").inOrder();
    assertHas(Split.TEST, 2, "cat", "dog"); // of the folder around it
  }

  /** Words between separators, of any case; outer folders come first. */
  @ParameterizedTest
  @CsvSource({
    "Training/1.png, val2017/2.png, VALIDATION",
    "data/train/1.png, data/dev/2.png, VALIDATION",
    "my train set/1.png, my-test_set/2.png, TEST",
    "train/1.png, evaluation/2.png, TEST",
    "train_01.png, valid_01.png, VALIDATION",
    "pets.train.png, pets.test.png, TEST",
    "a.png, test/b.png, TEST",
  })
  void splitsAreToldByWords(String train, String other, Split split) throws IOException {
    write(train, other);
    assertHas(Split.TRAIN, 1);
    assertHas(split, 1);
    assertHas(Split.ALL, 2);
  }

  @ParameterizedTest
  @CsvSource({"trainer/1.png, contest/2.png", "restrain.png, protest.png"})
  void otherWordsTellNone(String one, String another) throws IOException {
    write(one, another);
    assertThat(open(folder, Split.TRAIN).size()).isEqualTo(2);
  }

  @Test
  void classesMayLieAboveSplits() throws IOException {
    write("cat/train/1.png", "dog/train/2.png", "cat/test/3.png");
    assertHas(Split.TRAIN, 2, "cat", "dog");
  }

  @Test
  void unlabelledTestPicturesTakeNoClassAway() throws IOException {
    write("train/cat/1.png", "train/dog/2.png", "test/3.png");
    assertHas(Split.TRAIN, 2, "cat", "dog");
    assertHas(Split.TEST, 1);
  }

  @Test
  void aClassMayBeNamedTrain() throws IOException {
    write("plane/1.png", "train/2.png", "car/3.png");
    assertHas(Split.ALL, 3, "car", "plane", "train");
  }

  @Test
  void everySplitHasItsMetadata() throws IOException {
    write("train/a.png", "train/b.png", "validation/c.png");
    text("train/metadata.csv", "file_name,text,label\na.png,one,y\nb.png,two,x\n");
    text("validation/metadata.csv", "file_name,text,label\nc.png,three,z\n");
    assertHas(Split.TRAIN, 2, "x", "y", "z");
    assertThat(open(folder, Split.TRAIN).captions()).containsExactly("one", "two").inOrder();
    assertThat(open(folder, Split.VALIDATION).captions()).containsExactly("three");
    assertThat(open(folder, Split.VALIDATION).label(0)).isEqualTo(2);
  }

  @Test
  void metadataOfAllSplitsMayLieAbove() throws IOException {
    write("train/a.png", "test/c.png");
    text("metadata.csv", "file_name,text\ntrain/a.png,one\ntest/c.png,three\n");
    assertThat(open(folder, Split.TRAIN).captions()).containsExactly("one");
    assertThat(open(folder, Split.TEST).captions()).containsExactly("three");
  }

  @Test
  void aFolderMayHoldArchives() throws IOException {
    zip("train.zip", "cat/1.png", "dog/2.png");
    zip("test.zip", "cat/3.png");
    write("preview.png");
    assertHas(Split.TRAIN, 2, "cat", "dog");
    assertHas(Split.TEST, 1, "cat", "dog");
  }

  @Test
  void archivesAreReadWithThePicturesBesideThem() throws IOException {
    zip("images.zip", "1.png", "2.png");
    write("preview.png");
    assertHas(Split.TRAIN, 3);
    text("metadata.csv", "file_name,text\nimages.zip/2.png,two\n");
    assertThat(open(folder, Split.TRAIN).captions()).containsExactly("two");
  }

  // ----

  private void assertHas(Split split, int pictures, String... classes) {
    Dataset dataset = open(folder, split);
    assertThat(dataset.size()).isEqualTo(pictures);
    assertThat(dataset.classNames()).containsExactlyElementsIn(List.of(classes)).inOrder();
    if (classes.length > 0) {
      IntStream.range(0, pictures).forEach(i -> assertThat(dataset.label(i)).isAtLeast(0));
    }
  }

  private static Dataset open(Path data, Split split) {
    return Datasets.open(data.toString(), DataOptions.defaults().withSplit(split));
  }

  private String failure(Split split) {
    return assertThrows(SfumatoException.class, () -> open(folder, split)).getMessage();
  }

  private void write(String... names) throws IOException {
    for (String name : names) {
      Files.createDirectories(folder.resolve(name).getParent());
      Files.write(folder.resolve(name), PNG);
    }
  }

  private void text(String name, String text) throws IOException {
    Files.writeString(folder.resolve(name), text);
  }

  private void zip(String name, String... entries) throws IOException {
    try (ZipOutputStream zip = new ZipOutputStream(Files.newOutputStream(folder.resolve(name)))) {
      for (String entry : entries) {
        zip.putNextEntry(new ZipEntry(entry));
        zip.write(PNG);
      }
    }
  }
}
