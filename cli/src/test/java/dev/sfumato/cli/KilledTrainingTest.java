package dev.sfumato.cli;

import static com.google.common.truth.Truth.assertThat;
import static com.google.common.truth.Truth.assertWithMessage;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Real processes that are killed at random moments and resumed: what they leave in the end is, bit
 * for bit, what a run leaves that nobody disturbed.
 */
class KilledTrainingTest {
  private static final int STEPS = 45;
  private static final int KILLS = 5;

  @TempDir static Path folder;
  private static Path undisturbed;

  @BeforeAll
  static void trainUndisturbed() throws IOException {
    Calls.pictures(folder.resolve("data"), 14);
    Calls.config(folder);
    undisturbed = folder.resolve("undisturbed");
    Calls.run(options(undisturbed)).succeeds();
    assertThat(Calls.metrics(undisturbed)).hasSize(1 + STEPS);
  }

  /** Everything that holds state: dropout, EMA, accumulation, order, flips, class dropout. */
  private static List<String> options(Path output) {
    return Calls.words(
        "train --data %s --output %s --config %s --resolution 8 --batch-size 3 --threads 1"
            + " --gradient-accumulation-steps 2 --max-steps %s --shuffle --flip --use-ema"
            + " --class-conditioning channels --class-dropout 0.2 --learning-rate 1e-3 --seed 11"
            + " --lr-scheduler cosine --lr-warmup-steps 5 --train-timesteps 20 --sample-every 20"
            + " --sample-steps 2 --sample-count 2 --checkpoint-every 2 --checkpoints-keep 1"
            + " --log csv",
        folder.resolve("data"), output, folder.resolve("unet.json"), STEPS);
  }

  @Test
  void sigkillAtAnyMomentChangesNothing() throws IOException, InterruptedException {
    KilledRun run = new KilledRun(folder.resolve("killed"), options(folder.resolve("killed")));
    run.killAndFinish(KILLS);
    run.assertSameAs(undisturbed);
  }

  /** Two signals, as {@code timeout} sends them: to the process and to its group. */
  @Test
  void sigtermSavesAndResumeGoesOn() throws IOException, InterruptedException {
    Path output = folder.resolve("stopped");
    KilledRun run = new KilledRun(output, options(output));
    Path log = run.log();
    Process process = run.start();
    Calls.await(process, log, () -> run.rows() >= 7);
    process.destroy(); // SIGTERM
    Thread.sleep(3);
    process.destroy();
    assertThat(process.waitFor(3, TimeUnit.MINUTES)).isTrue();
    assertWithMessage(Files.readString(log)).that(process.exitValue()).isEqualTo(128 + 15);
    int done = run.rows();
    assertThat(done).isLessThan(STEPS);
    assertThat(Files.readString(log)).contains("stopped after step " + done + " of " + STEPS);
    assertThat(Files.exists(output.resolve(String.format("checkpoints/step-%06d", done)))).isTrue();
    assertThat(Files.exists(output.resolve("report.html"))).isTrue();
    Calls.run("inspect %s", output).succeeds();
    Calls.run("train --resume --output %s", output).succeeds();
    run.assertSameAs(undisturbed);
  }

  /**
   * A limit on the size of files stands in for a disk that fills up while a checkpoint is saved.
   */
  @Test
  void aFullDiskKeepsTheLastCheckpoint() throws IOException, InterruptedException {
    Path output = folder.resolve("full");
    Path log = folder.resolve("log");
    List<String> first = new ArrayList<>(options(output));
    first.set(first.indexOf("--max-steps") + 1, "4");
    Calls.run(first).succeeds();
    List<String> resume = Calls.words("train --resume --output %s --max-steps %s", output, STEPS);
    Process process = Calls.shell(log, "ulimit -f 16 && exec \"$@\"", resume);
    assertThat(process.waitFor(3, TimeUnit.MINUTES)).isTrue();
    String message = Files.readString(log);
    assumeTrue(!message.contains("ulimit"), "this system's shell has no ulimit -f");
    assertWithMessage(message).that(process.exitValue()).isEqualTo(1);
    assertThat(message).containsMatch("error: .*: cannot be written: File too large");
    assertThat(message.lines().count()).isEqualTo(1);
    assertThat(KilledRun.hidden(output)).containsExactly(Path.of(".lock"));
    assertThat(Files.exists(output.resolve("checkpoints/step-000004"))).isTrue();
    Calls.run(resume).succeeds();
    assertThat(Calls.metrics(output)).hasSize(1 + STEPS);
  }
}
