package dev.sfumato.chart;

import static com.google.common.truth.Truth.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.sfumato.tensor.SfumatoException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AtomicFileTest {
  @TempDir Path folder;

  @Test
  void replacesTheOldFileAndMakesMissingFolders() throws IOException {
    Path file = folder.resolve("a/b/c.txt");
    AtomicFile.write(file, out -> out.write("old".getBytes()));
    AtomicFile.write(file, out -> out.write("new".getBytes()));
    assertThat(Files.readString(file)).isEqualTo("new");
    assertThat(names(file.getParent())).containsExactly("c.txt");
  }

  @Test
  void failureKeepsTheOldFileAndLeavesNothingBehind() throws IOException {
    Path file = folder.resolve("c.txt");
    Files.writeString(file, "old");
    SfumatoException thrown =
        assertThrows(
            SfumatoException.class,
            () ->
                AtomicFile.write(
                    file,
                    out -> {
                      out.write("ne".getBytes());
                      throw new IOException("No space left on device");
                    }));
    assertThat(thrown).hasMessageThat().contains("c.txt: No space left on device");
    assertThat(Files.readString(file)).isEqualTo("old");
    assertThat(names(folder)).containsExactly("c.txt");
  }

  @Test
  void uncheckedFailureLeavesNothingBehind() throws IOException {
    assertThrows(
        IllegalStateException.class,
        () ->
            AtomicFile.write(
                folder.resolve("c.txt"),
                out -> {
                  throw new IllegalStateException();
                }));
    assertThat(names(folder)).isEmpty();
  }

  @Test
  void refusesADirectoryInOneLine() {
    SfumatoException thrown =
        assertThrows(SfumatoException.class, () -> AtomicFile.write(folder, out -> out.write(1)));
    assertThat(thrown).hasMessageThat().isEqualTo("cannot write " + folder + ": it is a directory");
  }

  @Test
  void writesThroughASymbolicLink() throws IOException {
    Path file = Files.writeString(folder.resolve("real.txt"), "old");
    Path link = Files.createSymbolicLink(folder.resolve("link.txt"), file);
    AtomicFile.write(link, out -> out.write("new".getBytes()));
    assertThat(Files.isSymbolicLink(link)).isTrue();
    assertThat(Files.readString(file)).isEqualTo("new");
  }

  private static List<String> names(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.map(file -> file.getFileName().toString()).toList();
    }
  }
}
