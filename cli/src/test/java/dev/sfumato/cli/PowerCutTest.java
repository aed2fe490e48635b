package dev.sfumato.cli;

import static com.google.common.truth.Truth.assertThat;
import static com.google.common.truth.Truth.assertWithMessage;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Tests the state of a run after a power cut. The system calls tell: what is renamed was forced to
 * the disk before, and the new name is forced before anything else is renamed.
 */
class PowerCutTest {
  private static final Pattern FORCED = Pattern.compile("f(?:data)?sync\\(\\d+<([^>]+)>\\)");
  private static final Pattern RENAMED =
      Pattern.compile(
          "rename(?:at2?)?\\((?:AT_FDCWD[^,]*, )?\"([^\"]+)\", (?:AT_FDCWD[^,]*, )?\"([^\"]+)\"");

  @TempDir Path folder;

  private final Map<Path, Integer> forced = new HashMap<>(); // when last, by path
  private final List<Path> renamed = new ArrayList<>();
  private Path unforcedFolder;
  private int time;

  @Test
  void whatIsRenamedIsOnTheDisk() throws IOException, InterruptedException {
    Path output = folder.resolve("run");
    Path calls = train(output);
    for (String call : Files.readAllLines(calls)) {
      Matcher force = FORCED.matcher(call);
      Matcher rename = RENAMED.matcher(call);
      if (force.find()) {
        force(Path.of(force.group(1)));
      } else if (rename.find() && Path.of(rename.group(2)).startsWith(output)) {
        rename(Path.of(rename.group(1)), Path.of(rename.group(2)), output);
      }
    }
    assertThat(unforcedFolder).isNull();
    Set<Path> files = new HashSet<>(Calls.files(output));
    renamed.forEach(file -> files.remove(output.relativize(file)));
    // A checkpoint gets its name with all that is in it.
    files.removeIf(file -> file.startsWith("checkpoints"));
    assertThat(files).containsExactly(Path.of(".lock"));
  }

  /** Two steps of training, with a checkpoint after each. */
  private Path train(Path output) throws IOException, InterruptedException {
    Path calls = folder.resolve("calls");
    Path log = folder.resolve("log");
    String traced = "strace -f -y -qq -e trace=fsync,fdatasync,/rename -o ";
    List<String> options =
        Calls.words(
            "train --data %s --output %s --config %s --resolution 8 --batch-size 4 --threads 1"
                + " --train-timesteps 20 --sample-count 1 --sample-steps 1 --max-steps 2"
                + " --checkpoint-every 1 --log csv",
            Calls.pictures(folder.resolve("data"), 6), output, Calls.config(folder));
    Process process =
        Calls.shell(
            log,
            "strace -o /dev/null true || exit 77; exec " + traced + calls + " \"$@\"",
            options);
    int status = process.waitFor();
    assumeTrue(status != 77, "this system has no strace");
    assertWithMessage(Files.readString(log)).that(status).isEqualTo(0);
    return calls;
  }

  private void force(Path path) {
    forced.put(path, time++);
    if (path.equals(unforcedFolder)) {
      unforcedFolder = null;
    }
  }

  private void rename(Path from, Path to, Path output) {
    assertWithMessage("the folder of the name before " + to).that(unforcedFolder).isNull();
    if (!to.getFileName().toString().endsWith(".deleted")) {
      assertWithMessage(from.toString()).that(forced).containsKey(from);
    }
    if (to.getParent().endsWith("checkpoints") && !to.getFileName().toString().startsWith(".")) {
      assertThat(forced).containsKey(output.resolve("metrics.csv"));
    }
    unforcedFolder = to.getParent();
    renamed.add(to);
  }
}
