package dev.sfumato.cli;

import static com.google.common.truth.Truth.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The program on a terminal, which util-linux's {@code script} plays, and what keys do there. */
class TerminalTest {
  private static final byte CTRL_C = 3;

  @TempDir Path folder;
  private Path log;
  private Path output;

  @BeforeEach
  void data() throws IOException {
    assumeTrue(Files.isExecutable(Path.of("/usr/bin/script")), "this system has no script");
    Calls.pictures(folder.resolve("data"), 6);
    Calls.config(folder);
    log = folder.resolve("log");
    output = folder.resolve("run");
  }

  private List<String> training(String watch) {
    List<String> words =
        Calls.words(
            "train --data %s --output %s --config %s --resolution 8 --batch-size 3 --threads 1"
                + " --max-steps 100000 --checkpoint-every 0 --log csv",
            folder.resolve("data"), output, folder.resolve("unet.json"));
    words.addAll(List.of(watch.split(" ")));
    return words;
  }

  /**
   * Runs the program on a terminal, whose last line is the program's own status. A build in the
   * background ignores Ctrl-C, and so would all that it starts. A shell other than bash ends on the
   * Ctrl-C that the program answers, hence the trap.
   */
  private Process onTerminal(List<String> args) throws IOException {
    String script =
        "env --default-signal=INT script -qfc \"trap : INT; $(for w do printf \"'%s' \" \"$w\"; done); echo status=\\$?\" /dev/null";
    return Calls.shell(log, script, args);
  }

  private static void press(Process terminal, byte key) throws IOException {
    OutputStream keyboard = terminal.getOutputStream();
    keyboard.write(key);
    keyboard.flush();
  }

  private String shown() {
    try {
      return Files.readString(log);
    } catch (IOException e) {
      return "";
    }
  }

  /** JLine used to take the signal back some seconds after the bar had appeared. */
  @Test
  void ctrlCSavesSecondsIntoARunWithABar() throws IOException, InterruptedException {
    Process terminal = onTerminal(training("--sample-every 0 --sample-count 0"));
    Calls.await(terminal, log, () -> Calls.rows(output) > 3);
    int early = Calls.rows(output);
    Thread.sleep(3000);
    Calls.await(terminal, log, () -> Calls.rows(output) > early);
    press(terminal, CTRL_C);
    assertThat(terminal.waitFor(1, TimeUnit.MINUTES)).isTrue();
    String shown = Files.readString(log);
    assertThat(shown).contains("stopped after step " + Calls.rows(output) + " of 100000");
    assertThat(shown).contains("status=130");
    assertThat(Files.exists(output.resolve("model_index.json"))).isTrue();
  }

  @Test
  void ctrlCEndsAGridAfterItsStep() throws IOException, InterruptedException {
    Process terminal =
        onTerminal(training("--sample-every 2 --sample-count 64 --sample-steps 1000"));
    Calls.await(terminal, log, () -> Files.exists(output.resolve("config.json")));
    Thread.sleep(500);
    press(terminal, CTRL_C);
    assertThat(terminal.waitFor(30, TimeUnit.SECONDS)).isTrue();
    assertThat(Files.readString(log)).contains("stopped after step 0 of 100000");
    assertThat(Files.exists(output.resolve("checkpoints/step-000000"))).isTrue();
  }

  /** One optimiser step, which the first Ctrl-C waits for, takes longer than any test. */
  @Test
  void aSecondCtrlCEndsAtOnce() throws IOException, InterruptedException {
    List<String> words = training("--sample-every 0 --sample-count 0 --epochs 100000");
    words.addAll(List.of("--gradient-accumulation-steps", "100000000"));
    words.set(words.indexOf("--resolution") + 1, "64");
    Calls.pictures(folder.resolve("data"), 600);
    Process terminal = onTerminal(words);
    Calls.await(terminal, log, () -> shown().contains("first step"));
    press(terminal, CTRL_C);
    Calls.await(terminal, log, () -> shown().contains("a second Ctrl-C ends at once"));
    press(terminal, CTRL_C);
    assertThat(terminal.waitFor(20, TimeUnit.SECONDS)).isTrue();
    assertThat(Files.readString(log)).contains("status=130");
    assertThat(Files.exists(output.resolve("model_index.json"))).isFalse();
  }

  /** A terminal sends the signal to the workers, too. */
  @Test
  void ctrlCSavesARunOfSeveralProcesses() throws IOException, InterruptedException {
    List<String> words = new ArrayList<>(List.of("launch", "--processes", "2"));
    words.addAll(training("--sample-every 0 --sample-count 0"));
    Process terminal = onTerminal(words);
    Calls.await(terminal, log, () -> Calls.rows(output) > 3);
    press(terminal, CTRL_C);
    assertThat(terminal.waitFor(1, TimeUnit.MINUTES)).isTrue();
    String shown = Files.readString(log);
    assertThat(shown).contains("stopped after step " + Calls.rows(output) + " of 100000");
    assertThat(shown).contains("status=130");
    assertThat(shown).doesNotContain("error");
    assertThat(shown.split("a second Ctrl-C ends at once", -1)).hasLength(2);
    assertThat(Files.exists(output.resolve("model_index.json"))).isTrue();
  }

  @Test
  void theBarIsGoneWhenResultsAreShown() throws IOException, InterruptedException {
    List<String> words = new ArrayList<>(training("--sample-every 0 --sample-count 0"));
    words.set(words.indexOf("--max-steps") + 1, "1");
    Calls.run(words).succeeds();
    Process terminal =
        onTerminal(
            Calls.words(
                "sample --model %s --steps 20 --threads 1 --out %s",
                output, folder.resolve("picture.png")));
    assertThat(terminal.waitFor(1, TimeUnit.MINUTES)).isTrue();
    String line =
        Stream.of(Files.readString(log).split("\n"))
            .filter(text -> text.contains("picture.png"))
            .findFirst()
            .orElseThrow();
    assertThat(line).contains("20/20");
    assertThat(line).doesNotContain("download"); // the model is a folder
    String plain = line.replaceAll("\033\\[\\??\\d*[A-Za-z]", "");
    assertThat(plain.substring(plain.stripTrailing().lastIndexOf('\r') + 1).strip())
        .isEqualTo(folder.resolve("picture.png").toString());
  }
}
