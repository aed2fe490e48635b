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
    Calls.run(
            "train --data %s --output %s --config %s --resolution 8 --max-steps 1 --sample-count 0"
                + " --threads 1 --log csv",
            Calls.pictures(folder.resolve("data"), 4), snapshot, Calls.config(folder))
        .succeeds();
    Files.createDirectories(repository.resolve("refs"));
    Files.writeString(repository.resolve("refs/main"), COMMIT);
    assertThat(inspect(0, "org/name")).contains("DDPMScheduler");
    Files.delete(snapshot.resolve("scheduler/scheduler_config.json"));
    assertThat(inspect(1, "org/name"))
        .contains(
            "error: org/name: there is no such model directory, and from the Hub: org/name: only"
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
  void refusesWhatIsNeitherADirectoryNorAnId() {
    for (String name : List.of("nowhere", "a/b/c", folder.resolve("nowhere").toString())) {
      Calls.run(List.of("sample", "--model", name))
          .failsWith(1, name + ": there is no such model directory, and it is not a Hub id");
    }
  }

  @Test
  void saysWhichRevisionIsNone() {
    Calls.run("sample --model org/name@a:b").failsWith(1, "org/name@a:b: is no name of a revision");
  }
}
