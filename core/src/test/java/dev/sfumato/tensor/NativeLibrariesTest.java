package dev.sfumato.tensor;

import static com.google.common.truth.Truth.assertThat;
import static com.google.common.truth.Truth.assertWithMessage;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.bytedeco.javacpp.Loader;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** First starts, each in a process of its own with a cache of its own. */
class NativeLibrariesTest {
  @TempDir Path folder;

  /** The program of the processes. */
  static final class Program {
    public static void main(String[] args) {
      try (Tensor ones = Tensor.full(1, 3)) {
        System.out.println(ones.sum().item());
      }
    }
  }

  private Process start(String cache, Path log) throws IOException {
    return new ProcessBuilder(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-XX:TieredStopAtLevel=1",
            "--enable-native-access=ALL-UNNAMED",
            "-Dorg.bytedeco.javacpp.cachedir=" + cache,
            "-cp",
            System.getProperty("java.class.path"),
            Program.class.getName())
        .redirectErrorStream(true)
        .redirectOutput(log.toFile())
        .start();
  }

  /** A file that is cut off is what an older release left, or a process that was stopped. */
  @Test
  void twoFirstStartsAtOnceRepairWhatAStoppedOneLeft() throws IOException, InterruptedException {
    String jar =
        Path.of(Loader.class.getResource(library()).getPath().split("!")[0])
            .getFileName()
            .toString();
    Path torch = folder.resolve("cache/" + jar + library()).resolveSibling("libtorch_cpu.so");
    Files.createDirectories(torch.getParent());
    Files.write(torch, new byte[1000]);
    List<Path> logs = List.of(folder.resolve("first"), folder.resolve("second"));
    List<Process> processes =
        List.of(
            start(folder.resolve("cache").toString(), logs.get(0)),
            start(folder.resolve("cache").toString(), logs.get(1)));
    for (int i = 0; i < 2; i++) {
      assertThat(processes.get(i).waitFor(3, TimeUnit.MINUTES)).isTrue();
      assertWithMessage(Files.readString(logs.get(i)))
          .that(processes.get(i).exitValue())
          .isEqualTo(0);
      assertThat(Files.readString(logs.get(i))).isEqualTo("3.0\n");
    }
    assertThat(Files.size(torch)).isGreaterThan(100_000_000L);
  }

  private static String library() {
    return "/org/bytedeco/pytorch/" + Loader.getPlatform() + "/libjnitorch.so";
  }

  @Test
  void aFolderThatCannotBeUsedIsNamed() throws IOException, InterruptedException {
    Path log = folder.resolve("log");
    Process process = start("/proc/nothing", log);
    assertThat(process.waitFor(1, TimeUnit.MINUTES)).isTrue();
    assertThat(process.exitValue()).isEqualTo(1);
    assertThat(Files.readString(log)).contains("/proc/nothing (");
    assertThat(Files.readString(log)).contains("name a folder with 450 MB of room");
  }
}
