package dev.sfumato.cli;

import static com.google.common.truth.Truth.assertThat;
import static com.google.common.truth.Truth.assertWithMessage;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.function.BooleanSupplier;
import java.util.stream.Stream;

/**
 * A training in processes of their own that are killed and resumed.
 *
 * @param output its folder
 * @param options the command and all its options
 */
record KilledRun(Path output, List<String> options) {
  private static final int FEWEST = 3;

  Path log() {
    return output.resolveSibling(output.getFileName() + ".log");
  }

  /** Starts the run, or resumes it as briefly as the state of its folder allows. */
  Process start() throws IOException {
    if (Files.exists(output.resolve("config.json"))) {
      return Calls.start(log(), List.of(options.get(0), "--resume", "--output", output.toString()));
    }
    List<String> arguments = new ArrayList<>(options);
    if (Files.exists(output.resolve(".lock"))) {
      arguments.add("--resume");
    }
    return Calls.start(log(), arguments);
  }

  /** Kills the run at random moments, every other time while it saves, and lets it finish then. */
  void killAndFinish(int kills) throws IOException, InterruptedException {
    Random random = new Random();
    int killed = 0;
    boolean ended = false;
    while (!ended) {
      Process process = start();
      int kill = killed;
      int rows = rows() + 1 + random.nextInt(6);
      BooleanSupplier moment =
          kill == kills
              ? () -> false
              : kill == 0 // before the first checkpoint
                  ? () -> Files.exists(output.resolve("config.json"))
                  : kill % 2 == 0 ? () -> isSavingAfter(rows) : () -> rows() >= rows;
      ended = Calls.waitFor(process, moment);
      if (!ended) {
        Thread.sleep(random.nextInt(kill % 2 == 0 ? 8 : 60));
        process.destroyForcibly().waitFor(); // SIGKILL
        killed++;
      } else {
        assertWithMessage(Files.readString(log())).that(process.exitValue()).isEqualTo(0);
      }
    }
    assertThat(killed).isAtLeast(Math.min(kills, FEWEST));
  }

  /** Returns the number of steps in its metrics. */
  int rows() {
    return Calls.rows(output);
  }

  private boolean isSavingAfter(int rows) {
    try (Stream<Path> checkpoints = Files.list(output.resolve("checkpoints"))) {
      return checkpoints.anyMatch(path -> path.getFileName().toString().startsWith("."))
          && rows() >= rows;
    } catch (IOException e) {
      return false;
    }
  }

  static List<Path> hidden(Path folder) {
    return Calls.files(folder).stream()
        .filter(file -> Stream.of(file.toString().split("/")).anyMatch(n -> n.startsWith(".")))
        .toList();
  }

  /** Requires the files of another run, bit for bit, except for times and paths. */
  void assertSameAs(Path undisturbed) throws IOException {
    assertThat(Calls.metrics(output)).isEqualTo(Calls.metrics(undisturbed));
    assertThat(Calls.files(output)).isEqualTo(Calls.files(undisturbed));
    for (Path file : Calls.files(output)) {
      if (!file.toString().matches("metrics.csv|report.html|README.md|config.json")) {
        assertWithMessage(file.toString())
            .that(Files.mismatch(output.resolve(file), undisturbed.resolve(file)))
            .isEqualTo(-1);
      }
    }
  }
}
