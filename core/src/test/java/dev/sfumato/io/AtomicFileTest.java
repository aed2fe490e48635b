package dev.sfumato.io;

import static com.google.common.truth.Truth.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.sfumato.SfumatoException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AtomicFileTest {
  @TempDir Path folder;
  private Path file;

  @BeforeEach
  void oldFile() throws IOException {
    file = Files.writeString(folder.resolve("a.txt"), "old");
  }

  private List<String> names() throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.map(f -> f.getFileName().toString()).sorted().toList();
    }
  }

  @Test
  void replacesAFile() throws IOException {
    AtomicFile.write(file, "new".getBytes());
    assertThat(Files.readString(file)).isEqualTo("new");
    assertThat(names()).containsExactly("a.txt");
  }

  @Test
  void tryingAPlaceWritesNothing() throws IOException {
    AtomicFile.requireWritable(file);
    AtomicFile.requireWritable(folder.resolve("b.txt"));
    assertThat(Files.readString(file)).isEqualTo("old");
    assertThat(names()).containsExactly("a.txt");
    Path below = file.resolve("c.txt");
    assertThat(assertThrows(SfumatoException.class, () -> AtomicFile.requireWritable(below)))
        .hasMessageThat()
        .isEqualTo(below + ": cannot be written: a file is in the way");
  }

  @Test
  void makesMissingFolders() throws IOException {
    AtomicFile.write(folder.resolve("x/y/b.txt"), "b".getBytes());
    assertThat(Files.readString(folder.resolve("x/y/b.txt"))).isEqualTo("b");
  }

  @Test
  void theOldFileIsThereUntilTheNewOneIsWhole() throws IOException {
    AtomicFile.write(
        file,
        aside -> {
          Files.writeString(aside, "half");
          assertThat(Files.readString(file)).isEqualTo("old");
          Files.writeString(aside, " and half", StandardOpenOption.APPEND);
        });
    assertThat(Files.readString(file)).isEqualTo("half and half");
  }

  @Test
  void aFullDiskLeavesTheOldFile() throws IOException {
    Path full = Path.of("/dev/full");
    assumeTrue(Files.isWritable(full), "this system has no /dev/full");
    SfumatoException e =
        assertThrows(
            SfumatoException.class,
            () ->
                AtomicFile.write(
                    file,
                    aside -> {
                      Files.writeString(aside, "half");
                      Files.write(full, new byte[10], StandardOpenOption.WRITE);
                    }));
    assertThat(e.getMessage()).isEqualTo(file + ": cannot be written: No space left on device");
    assertThat(Files.readString(file)).isEqualTo("old");
    assertThat(names()).containsExactly("a.txt");
  }

  @Test
  void anyExceptionLeavesTheOldFile() throws IOException {
    assertThrows(
        IllegalStateException.class,
        () ->
            AtomicFile.write(
                file,
                aside -> {
                  Files.writeString(aside, "half");
                  throw new IllegalStateException();
                }));
    assertThat(Files.readString(file)).isEqualTo("old");
    assertThat(names()).containsExactly("a.txt");
  }

  @Test
  void whatAKilledProcessLeavesIsToldFromOtherFiles() {
    Path[] asideFile = new Path[1];
    AtomicFile.write(
        file,
        aside -> {
          asideFile[0] = aside;
          Files.writeString(aside, "new");
        });
    assertThat(asideFile[0].getParent()).isEqualTo(file.getParent());
    assertThat(AtomicFile.isLeftover(asideFile[0])).isTrue();
    assertThat(AtomicFile.isLeftover(file)).isFalse();
    assertThat(AtomicFile.isLeftover(folder.resolve("model.incomplete"))).isFalse();
  }

  @Test
  void twoWritersDoNotMixTheirBytes() throws IOException {
    AtomicFile.write(
        file,
        aside -> {
          Files.writeString(aside, "first");
          AtomicFile.write(file, "second".getBytes());
        });
    assertThat(Files.readString(file)).isEqualTo("first");
    assertThat(names()).containsExactly("a.txt");
  }

  @Test
  void aSymbolicLinkStaysOne() throws IOException {
    Path link = Files.createSymbolicLink(folder.resolve("link.txt"), file);
    AtomicFile.write(link, "new".getBytes());
    assertThat(Files.isSymbolicLink(link)).isTrue();
    assertThat(Files.readString(file)).isEqualTo("new");
  }

  @Test
  void aLinkToAFolderIsAFolder() throws IOException {
    Path real = Files.createDirectory(folder.resolve("real"));
    Path link = Files.createSymbolicLink(folder.resolve("link"), real);
    AtomicFile.write(link.resolve("b.txt"), "b".getBytes());
    assertThat(Files.readString(real.resolve("b.txt"))).isEqualTo("b");
  }

  @Test
  void aDeviceIsWrittenDirectly() {
    Path nowhere = Path.of("/dev/null");
    assumeTrue(Files.isWritable(nowhere), "this system has no /dev/null");
    AtomicFile.write(nowhere, "b".getBytes());
    assertThat(Files.isRegularFile(nowhere)).isFalse();
  }

  @Test
  void aFolderInTheWayIsOneLine() throws IOException {
    Files.createDirectories(folder.resolve("b/c"));
    SfumatoException e =
        assertThrows(
            SfumatoException.class, () -> AtomicFile.write(folder.resolve("b"), "b".getBytes()));
    assertThat(e.getMessage()).startsWith(folder.resolve("b") + ": cannot be written: ");
    assertThat(e.getMessage()).doesNotContain("\n");
    assertThat(names()).containsExactly("a.txt", "b");
  }

  @Test
  void aFolderThatMayNotBeReadIsNamed() throws IOException {
    Path inner = Files.createDirectories(folder.resolve("outer/inner"));
    assertThat(inner.toFile().setReadable(false)).isTrue();
    assumeTrue(!Files.isReadable(inner)); // for root it is
    SfumatoException e =
        assertThrows(SfumatoException.class, () -> AtomicFile.delete(folder.resolve("outer")));
    assertThat(inner.toFile().setReadable(true)).isTrue();
    assertThat(e).hasMessageThat().endsWith("outer: cannot be deleted: permission denied");
  }
}
