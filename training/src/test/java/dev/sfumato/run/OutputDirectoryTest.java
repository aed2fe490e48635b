package dev.sfumato.run;

import static com.google.common.truth.Truth.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.sfumato.SfumatoException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class OutputDirectoryTest {
  @TempDir Path folder;
  private Path root;

  @BeforeEach
  void root() {
    root = folder.resolve("run");
  }

  @Test
  void nothingStaysOfADirectoryInWhichNothingWasWritten() {
    OutputDirectory.create(root, false).close();
    assertThat(Files.exists(root)).isFalse();
  }

  @Test
  void anEmptyDirectoryOfTheUserStays() throws IOException {
    Files.createDirectory(root);
    OutputDirectory.create(root, false).close();
    assertThat(names(root)).isEmpty();
  }

  /** The digits of Arabic, Persian and Nepali are others in Java's format, unless it is told. */
  @ParameterizedTest
  @ValueSource(strings = {"ar-EG", "fa-IR", "ne-NP"})
  void checkpointsAreNamedAndFoundInEveryLanguage(String language) throws IOException {
    Locale own = Locale.getDefault();
    Locale.setDefault(Locale.forLanguageTag(language));
    try (OutputDirectory output = OutputDirectory.create(root, false)) {
      output.startAfter(0, Map.of());
      output.writeCheckpoint(2, folder -> {});
      output.writeCheckpoint(3, folder -> {});
      output.prune(1);
      assertThat(names(root.resolve("checkpoints"))).containsExactly("step-000003");
      assertThat(output.latestCheckpoint()).hasValue(root.resolve("checkpoints/step-000003"));
    } finally {
      Locale.setDefault(own);
    }
  }

  @Test
  void oneRunAtATime() {
    try (OutputDirectory first = OutputDirectory.create(root, false)) {
      assertThat(failure(() -> OutputDirectory.create(root, false))).contains("another run");
      assertThat(failure(() -> OutputDirectory.open(root))).contains("another run");
    }
  }

  @Test
  void contentIsKeptUnlessItIsToBeOverwritten() throws IOException {
    try (OutputDirectory output = OutputDirectory.create(root, false)) {
      Files.writeString(output.resolve("metrics.csv"), "old");
    }
    assertThat(failure(() -> OutputDirectory.create(root, false))).contains("`overwrite`");
    try (OutputDirectory output = OutputDirectory.create(root, true)) {
      assertThat(Files.readString(output.resolve("metrics.csv"))).isEqualTo("old");
    } // closed before the run has started: the old one is still there
    try (OutputDirectory output = OutputDirectory.create(root, true)) {
      output.startAfter(0, Map.of());
      assertThat(Files.exists(output.resolve("metrics.csv"))).isFalse();
    }
  }

  /** A run that is killed at any later moment can be resumed without saying them again. */
  @Test
  void settingsAreTheFirstThingThatARunWrites() throws IOException {
    try (OutputDirectory output = OutputDirectory.create(root, false)) {
      assertThat(names(root)).containsExactly(".lock");
      output.startAfter(0, Map.of("batch_size", 4));
      assertThat(Files.readString(output.resolve("config.json"))).contains("\"batch_size\" : 4");
    }
  }

  @Test
  void whatNoRunHasWrittenIsNotOverwritten() throws IOException {
    Files.createDirectory(root);
    Files.writeString(root.resolve("thesis.txt"), "mine");
    assertThat(failure(() -> OutputDirectory.create(root, true))).contains("delete it yourself");
    assertThat(failure(() -> OutputDirectory.open(root))).contains("no run to resume");
    assertThat(names(root)).containsExactly("thesis.txt");
  }

  @Test
  void aRunThatHasNotBegunYetBegins() throws IOException {
    OutputDirectory.open(root).close();
    assertThat(Files.exists(root)).isFalse();
    Files.createDirectory(root);
    try (OutputDirectory output = OutputDirectory.open(root)) {
      output.startAfter(0, Map.of());
      assertThat(output.latestCheckpoint()).isEmpty();
    }
  }

  @Test
  void aFileInTheWayIsOneLine() throws IOException {
    Files.writeString(root, "mine");
    assertThat(failure(() -> OutputDirectory.create(root, false))).startsWith(root + ": ");
    assertThat(failure(() -> OutputDirectory.create(root.resolve("below"), false)))
        .startsWith(root.resolve("below") + ": ");
  }

  @Test
  void theNewestCheckpointsStay() {
    try (OutputDirectory output = OutputDirectory.create(root, false)) {
      for (long step : new long[] {5, 10, 1_000_000, 20}) {
        write(output, step);
      }
      assertThat(output.latestCheckpoint()).hasValue(output.checkpoint(1_000_000));
      output.prune(2);
      assertThat(names(root.resolve("checkpoints"))).containsExactly("step-000020", "step-1000000");
    }
  }

  /** Else the next --resume would go on from them, and pruning would delete the new ones. */
  @Test
  void checkpointsAfterTheOneToGoOnFromGo() {
    try (OutputDirectory output = OutputDirectory.create(root, false)) {
      write(output, 10);
      write(output, 20);
      write(output, 30);
      output.startAfter(10, Map.of());
      assertThat(output.latestCheckpoint()).hasValue(output.checkpoint(10));
    }
  }

  @Test
  void aFailedCheckpointLeavesTheOldOnes() {
    try (OutputDirectory output = OutputDirectory.create(root, false)) {
      write(output, 10);
      assertThrows(
          IllegalStateException.class,
          () ->
              output.writeCheckpoint(
                  20,
                  aside -> {
                    writeString(aside.resolve("half"), "x");
                    throw new IllegalStateException();
                  }));
      assertThat(names(root.resolve("checkpoints"))).containsExactly("step-000010");
    }
  }

  @Test
  void whatAKilledRunLeftInTheMiddleGoes() throws IOException {
    try (OutputDirectory output = OutputDirectory.create(root, false)) {
      write(output, 10);
    }
    for (String left : List.of(".step-000020.incomplete", ".step-000010.deleted")) {
      Files.createDirectories(root.resolve("checkpoints").resolve(left).resolve("unet"));
      Files.writeString(root.resolve("checkpoints").resolve(left).resolve("unet/half"), "x");
    }
    Files.createDirectories(root.resolve("unet"));
    Files.writeString(root.resolve("unet/.config.json.12-34.incomplete"), "x");
    Files.writeString(root.resolve(".metrics.csv.12-34.incomplete"), "x");
    try (OutputDirectory output = OutputDirectory.open(root)) {
      assertThat(names(root)).containsExactly(".lock", "checkpoints", "unet");
      assertThat(names(root.resolve("unet"))).isEmpty();
      assertThat(names(root.resolve("checkpoints"))).containsExactly("step-000010");
      write(output, 20);
      output.prune(1);
      assertThat(names(root.resolve("checkpoints"))).containsExactly("step-000020");
    }
  }

  private static void write(OutputDirectory output, long step) {
    output.writeCheckpoint(step, aside -> writeString(aside.resolve("state"), "" + step));
  }

  private static void writeString(Path file, String text) {
    try {
      Files.writeString(file, text);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static String failure(Runnable call) {
    SfumatoException e = assertThrows(SfumatoException.class, call::run);
    assertThat(e.getMessage()).doesNotContain("\n");
    return e.getMessage();
  }

  private static List<String> names(Path folder) {
    try (Stream<Path> files = Files.list(folder)) {
      return files.map(file -> file.getFileName().toString()).sorted().toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
