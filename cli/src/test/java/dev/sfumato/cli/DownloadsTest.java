package dev.sfumato.cli;

import static com.google.common.truth.Truth.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DownloadsTest {
  private static final String COMMIT = "0123456789abcdef0123456789abcdef01234567";

  @TempDir private Path folder;

  @Test
  void takesModelsOfTheHubFromTheCache() throws IOException, InterruptedException {
    Path repository = folder.resolve("hub/models--org--name");
    Path snapshot = repository.resolve("snapshots").resolve(COMMIT);
    Files.createDirectories(snapshot.getParent());
    Files.move(Calls.model(folder, ""), snapshot);
    Files.createDirectories(repository.resolve("refs"));
    Files.writeString(repository.resolve("refs/main"), COMMIT);
    assertThat(inspect(0, "org/name")).contains("DDPMScheduler");
    Files.delete(snapshot.resolve("scheduler/scheduler_config.json"));
    assertThat(inspect(1, "org/name"))
        .contains(
            "error: org/name: there is no such model directory; and on the Hub: org/name: only"
                + " partly in the cache (scheduler/scheduler_config.json is missing), and"
                + " HF_HUB_OFFLINE is set");
  }

  private String inspect(int status, String model) throws IOException, InterruptedException {
    Path log = folder.resolve("log");
    Process process =
        Calls.shell(
            log,
            "HF_HUB_OFFLINE=1 HF_HUB_CACHE=" + folder.resolve("hub") + " exec \"$@\"",
            List.of("inspect", model));
    assertThat(process.waitFor()).isEqualTo(status);
    return Files.readString(log);
  }

  @Test
  void aNameThatIsNoIdIsMissingHere() {
    Calls.run("sample --model nowhere")
        .failsWith(1, "nowhere: there is no such model directory; as a name of the Hub it would");
  }

  @Test
  void pathsAreNotLookedForOnTheHub() {
    List<String> paths =
        List.of("a/b/c", "./models", "~/models", "a/b.safetensors", folder + "/nowhere", "models/");
    for (String path : paths) {
      for (String call : List.of("sample --model %s", "clip --clip %s --image a --text b")) {
        Calls.Result result = Calls.run(call, path);
        String what = path.endsWith(".safetensors") ? "file" : "model directory";
        result.failsWith(1, path + ": there is no such " + what);
        assertThat(result.err()).doesNotContain("Hub");
      }
    }
  }

  @Test
  void whatLiesNearIsSuggested() throws IOException {
    Path mnist = Files.createDirectories(folder.resolve("models/mnist"));
    Calls.run("sample --model %s", folder.resolve("models/nist"))
        .failsWith(1, "; did you mean " + mnist + "?");
    Calls.run("sample --model %s", folder.resolve("model/mnist"))
        .failsWith(1, "; did you mean " + mnist + "?");
    Calls.run("train --output %s --data %s", folder.resolve("o"), folder.resolve("models/mnits"))
        .failsWith(1, "there is no such folder or file; did you mean " + mnist + "?");
    Calls.run("train --output %s --data org/name", folder.resolve("o"))
        .failsWith(1, "org/name: there is no such folder or file; did you mean hf:org/name?");
  }

  @Test
  void aMisspeltDirectoryIsNotReportedAsAFailureOfTheHub() {
    Calls.run("sample --model src/mian").failsWith(1, "; did you mean src/main?\n");
  }

  @Test
  void saysWhichRevisionIsNone() {
    Calls.run("sample --model org/name@a:b")
        .failsWith(1, "org/name@a:b: is not the name of a revision");
  }
}
