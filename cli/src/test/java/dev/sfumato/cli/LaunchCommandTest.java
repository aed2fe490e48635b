package dev.sfumato.cli;

import static com.google.common.truth.Truth.assertThat;
import static com.google.common.truth.Truth.assertWithMessage;

import dev.sfumato.pipeline.TinyStableDiffusion;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.IntFunction;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Real processes that train as one, die and are resumed. */
class LaunchCommandTest {
  private static final int STEPS = 12;

  /** The same network as {@link Calls#config}, without dropout: its masks differ between ranks. */
  private static final String NO_DROPOUT = "\"dropout\": 0.0";

  @TempDir Path folder;

  /** Accumulation, moving average, clipping, class dropout, and short last batches and windows. */
  private List<String> options(String output, int batch) {
    return Calls.words(
        "train --data %s --output %s --config %s --resolution 8 --batch-size %s --threads 1"
            + " --gradient-accumulation-steps 2 --max-steps %s --shuffle --flip --use-ema"
            + " --class-conditioning channels --class-dropout 0.2 --learning-rate 1e-3 --seed 11"
            + " --max-grad-norm 1 --train-timesteps 20 --sample-every 0 --sample-count 0"
            + " --checkpoint-every 4 --log csv",
        folder.resolve("data"), folder.resolve(output), folder.resolve("unet.json"), batch, STEPS);
  }

  @Test
  void aDeathEndsAllAndTheRunResumes() throws IOException, InterruptedException {
    Calls.pictures(folder.resolve("data"), 14);
    Path config = Calls.config(folder);
    Files.writeString(
        config, Files.readString(config).replaceAll("\"dropout\": [0-9.]+", NO_DROPOUT));
    Calls.run(options("one", 4)).succeeds();
    dieAndResume(batch -> options("two", batch));
    assertSameLosses("two", "one");
  }

  /** The first process draws the class pictures while the other waits. */
  @Test
  void aLoraWithClassPicturesLearnsInSeveralProcesses() throws IOException, InterruptedException {
    Calls.pictures(folder.resolve("data"), 14);
    TinyStableDiffusion.write(folder.resolve("model"), "sd1");
    Calls.run(lora("one", 4)).succeeds();
    Path classes = Files.move(folder.resolve("classes"), folder.resolve("classes-of-one"));
    dieAndResume(batch -> lora("two", batch));
    assertSameLosses("two", "one");
    for (Path file : Calls.files(classes)) {
      assertThat(Files.mismatch(classes.resolve(file), folder.resolve("classes").resolve(file)))
          .isEqualTo(-1);
    }
    Path file = folder.resolve("two/pytorch_lora_weights.safetensors");
    Calls.run(
            "sample --model %s --lora %s --prompt rose --steps 2 --out %s",
            folder.resolve("model"), file, folder.resolve("rose.png"))
        .succeeds();
  }

  private List<String> lora(String output, int batch) {
    List<String> options =
        Calls.words(
            "finetune --model %s --data %s --output %s --resolution 16 --batch-size %s --threads 1"
                + " --gradient-accumulation-steps 2 --max-steps %s --shuffle --flip --use-ema"
                + " --caption-dropout 0.2 --learning-rate 1e-2 --seed 11 --sample-count 0"
                + " --train-text-encoder --lora-rank 2 --class-prompt rose --class-count 5"
                + " --class-data %s --checkpoint-every 4 --log csv --instance-prompt",
            folder.resolve("model"),
            folder.resolve("data"),
            folder.resolve(output),
            batch,
            STEPS,
            folder.resolve("classes"));
    options.add("a red rose");
    return options;
  }

  /**
   * Trains in two processes of which one dies, in two that are asked to stop, and in one.
   *
   * @param options the options of a run into {@code two} by its batch size
   */
  private void dieAndResume(IntFunction<List<String>> options)
      throws IOException, InterruptedException {
    Path log = folder.resolve("log");
    Path two = folder.resolve("two");
    Process launch = Calls.start(log, launch(options.apply(2)));
    Calls.await(launch, log, () -> Calls.rows(two) >= 3);
    ranks(launch).get(1).destroyForcibly();
    assertThat(launch.waitFor(1, TimeUnit.MINUTES)).isTrue();
    String message = Files.readString(log);
    assertWithMessage(message).that(launch.exitValue()).isEqualTo(128 + 9);
    assertThat(message).endsWith("error: rank 1: ended by signal 9; --resume continues\n");
    assertThat(message.split("error: ", -1)).hasLength(2);
    int done = Calls.rows(two);
    assertThat(done).isLessThan(STEPS);
    assertThat(Calls.files(two).toString()).doesNotContain("incomplete");

    Process resumed = Calls.start(log, launch(options.apply(2), "--resume"));
    Calls.await(resumed, log, () -> Calls.rows(two) > done + 1);
    resumed.destroy(); // SIGTERM
    assertThat(resumed.waitFor(1, TimeUnit.MINUTES)).isTrue();
    message = Files.readString(log);
    assertWithMessage(message).that(resumed.exitValue()).isEqualTo(128 + 15);
    int stopped = Calls.rows(two);
    assertThat(message).contains("stopped after step " + stopped + " of " + STEPS);

    List<String> alone = options.apply(4);
    alone.add("--resume");
    Calls.run(alone).succeeds();
  }

  /** The first process saves the state before the step while the others wait. */
  @Test
  void aLossThatIsNotFiniteEndsAllAndLosesNothing() throws IOException, InterruptedException {
    Calls.pictures(folder.resolve("data"), 14);
    Calls.config(folder);
    List<String> diverging = options("two", 2);
    diverging.set(diverging.indexOf("1e-3"), "1e30");
    Path log = folder.resolve("log");
    String message = null;
    for (String more : List.of("--overwrite", "--resume")) {
      Process launch = Calls.start(log, launch(diverging, more));
      assertThat(launch.waitFor(1, TimeUnit.MINUTES)).isTrue();
      assertThat(launch.exitValue()).isEqualTo(1);
      String said = Files.readString(log).replaceFirst("rank [01]: ", "");
      assertThat(said.lines().count()).isEqualTo(1);
      assertThat(said).containsMatch("^error: step \\d+: the loss is (NaN|-?Infinity)");
      assertThat(said).contains("holds all before it: if the loss had grown, ");
      assertThat(message == null || message.equals(said)).isTrue();
      message = said;
    }
    Path saved = Calls.files(folder.resolve("two/checkpoints")).get(0).getName(0);
    assertThat(message).contains("; " + saved + " holds");
    assertThat(saved.toString()).isEqualTo("step-00000" + Calls.rows(folder.resolve("two")));
  }

  @ParameterizedTest
  @CsvSource({
    "launch --processes 0 train, --processes must be at least 1",
    "launch train, --processes",
    "launch --processes 2, COMMAND",
    "launch --processes 2 sample --model x, cannot run in several processes"
  })
  void wrongCalls(String line, String message) {
    Calls.run(line).failsWith(2, message);
  }

  @ParameterizedTest
  @CsvSource({"--batch-size none, --batch-size", "--device cuda:99, cuda:99' does not exist"})
  void theErrorOfAllIsSaidOnce(String option, String words)
      throws IOException, InterruptedException {
    Path log = folder.resolve("log");
    Process launch = Calls.start(log, launch(Calls.words("train --data x --output y " + option)));
    assertThat(launch.waitFor(1, TimeUnit.MINUTES)).isTrue();
    assertThat(Files.readString(log)).containsMatch("^error: rank [01]: .*" + words + ".*\n$");
    assertThat(launch.exitValue()).isEqualTo(2);
  }

  @ParameterizedTest
  @CsvSource({
    "skip, 'warning: skipped ', none of the 10 files can be read as a picture",
    "fail, 'error: ', 10 of 10 files cannot be used as pictures"
  })
  void whatAllFindIsSaidOnce(String onBadImage, String start, String end)
      throws IOException, InterruptedException {
    Files.createDirectory(folder.resolve("data"));
    for (int i = 0; i < 10; i++) {
      Files.createFile(folder.resolve("data/" + i + ".png"));
    }
    Calls.config(folder);
    Path log = folder.resolve("log");
    Process launch = Calls.start(log, launch(options("two", 2), "--on-bad-image", onBadImage));
    assertThat(launch.waitFor(1, TimeUnit.MINUTES)).isTrue();
    List<String> lines = Files.readAllLines(log);
    assertWithMessage(String.join("\n", lines)).that(lines).hasSize(11);
    assertThat(lines.get(7)).startsWith(start);
    assertThat(lines.get(7)).endsWith("/data/7.png: the file is empty");
    assertThat(lines.get(10)).contains(end);
  }

  private static List<String> launch(List<String> training, String... more) {
    return Stream.of(List.of("launch", "--processes", "2"), training, List.of(more))
        .flatMap(List::stream)
        .toList();
  }

  /** In the order in which they were started. */
  private static List<ProcessHandle> ranks(Process launch) {
    return launch.children().sorted(Comparator.comparingLong(ProcessHandle::pid)).toList();
  }

  private void assertSameLosses(String actual, String expected) throws IOException {
    List<String> rows = Calls.metrics(folder.resolve(actual));
    List<String> wanted = Calls.metrics(folder.resolve(expected));
    assertThat(rows).hasSize(wanted.size());
    for (int i = 1; i < rows.size(); i++) {
      String[] row = rows.get(i).split(",");
      String[] want = wanted.get(i).split(",");
      assertThat(row[2]).isEqualTo(want[2]);
      assertWithMessage("loss of step " + i)
          .that(Double.parseDouble(row[3]))
          .isWithin(1e-4)
          .of(Double.parseDouble(want[3]));
    }
  }
}
