package dev.sfumato.cli;

import static com.google.common.truth.Truth.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Runs that go on: after a kill at the start, with odd files, with options that do not suit. */
class ResumeTest {
  @TempDir Path folder;
  private Path data;
  private Path output;

  @BeforeEach
  void data() throws IOException {
    data = Calls.pictures(folder.resolve("data"), 6);
    output = folder.resolve("run");
    Calls.config(folder);
  }

  private Calls.Result train(String more) {
    return Calls.run(
        "train --data %s --output %s --config %s --resolution 8 --batch-size 4 --threads 1"
            + " --train-timesteps 20 --sample-count 0 --log csv "
            + more,
        data,
        output,
        folder.resolve("unet.json"));
  }

  private Calls.Result resume(String more) {
    return Calls.run(("train --resume --output %s " + more).strip(), output);
  }

  /** Makes the remains of a run that was killed at its start. */
  private void keepOnly(String... names) throws IOException {
    try (Stream<Path> tree = Files.walk(output)) {
      for (Path entry : tree.sorted(Comparator.reverseOrder()).toList()) {
        if (!entry.equals(output)
            && !List.of(names).contains(output.relativize(entry).toString())) {
          Files.delete(entry);
        }
      }
    }
  }

  @Test
  void saysThatMetricsAreLost() throws IOException {
    train("--max-steps 3").succeeds();
    assertThat(resume("--max-steps 4").err()).doesNotContain("steps so far");
    Path metrics = output.resolve("metrics.csv");
    Files.write(metrics, Files.readAllLines(metrics).subList(0, 3));
    assertThat(resume("--max-steps 5").err()).contains("has 2 of the 4 steps so far");
    Files.delete(metrics);
    assertThat(resume("--max-steps 6").err()).contains("has 0 of the 5 steps so far");
  }

  // ---- killed before the first checkpoint

  @Test
  void startsAgainWithTheSettings() throws IOException {
    train("--max-steps 2").succeeds();
    List<String> whole = Calls.metrics(output);
    for (String left : List.of("samples", "metrics.csv")) {
      keepOnly(".lock", "config.json", left);
      resume("").succeeds();
      assertThat(Calls.metrics(output)).isEqualTo(whole);
    }
    keepOnly(".lock");
    train("--max-steps 2").succeeds();
    assertThat(Calls.metrics(output)).isEqualTo(whole);
  }

  /** A script for a cluster says the same each time that it is started. */
  @Test
  void aScriptMayAlwaysResume() throws IOException {
    String note = "note: no checkpoint in " + output + ": the run starts from the beginning\n";
    assertThat(train("--max-steps 1 --resume").succeeds().err()).contains(note);
    List<String> whole = Calls.metrics(output);
    assertThat(train("--max-steps 1 --resume").succeeds().err()).doesNotContain("no checkpoint");
    keepOnly(".lock", "config.json", "metrics.csv");
    assertThat(train("--max-steps 1 --resume").succeeds().err()).contains(note);
    assertThat(Calls.metrics(output)).isEqualTo(whole);
    keepOnly();
    assertThat(train("--max-steps 1 --resume latest").succeeds().err()).contains(note);
    assertThat(Calls.metrics(output)).isEqualTo(whole);
    assertThat(train("--max-steps 1 --overwrite").succeeds().err()).doesNotContain("note");
  }

  /** Once, the model was forgotten and the run started from weights of chance. */
  @Test
  void aFineTuningStartsAgainFromItsModel() throws IOException {
    train("--max-steps 1").succeeds();
    Path model = Files.move(output, folder.resolve("model"));
    Calls.run(
            "finetune --model %s --data %s --output %s --max-steps 2 --log csv --sample-count 0"
                + " --threads 1",
            model, data, output)
        .succeeds();
    List<String> whole = Calls.metrics(output);
    keepOnly(".lock", "config.json");
    Calls.run("finetune --resume --output %s", output).succeeds();
    assertThat(Calls.metrics(output)).isEqualTo(whole);
  }

  /** Its model would be trained anew, from the first step, and overwritten. */
  @Test
  void aRunThatHasEndedDoesNotStartAgain() throws IOException {
    train("--max-steps 1").succeeds();
    keepOnly(".lock", "config.json", "metrics.csv", "model_index.json");
    resume("--max-steps 2").failsWith(1, "has a model but no checkpoint to resume from");
  }

  // ---- options

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "--model elsewhere | --model",
        "--config mnist | --config",
        "--class-embedding-size 5 | --class-embedding-size",
        "--overwrite | --overwrite",
      })
  void anOptionThatWouldBeIgnoredIsRefused(String option, String words) throws IOException {
    train("--max-steps 1").succeeds();
    List<String> rows = Calls.metrics(output);
    resume("--max-steps 2 " + option).failsWith(2, words);
    assertThat(Calls.metrics(output)).isEqualTo(rows);
  }

  @Test
  void theWholeCallMayBeSaidAgain() throws IOException {
    train("--max-steps 1").succeeds();
    train("--max-steps 2 --resume").succeeds();
    assertThat(Calls.metrics(output)).hasSize(1 + 2);
  }

  /** Once, the epochs of the start also bounded the new steps, and the steps new epochs. */
  @Test
  void aNewLengthReplacesTheOldOne() throws IOException {
    train("--epochs 1").succeeds(); // 2 steps
    resume("--max-steps 5").succeeds();
    assertThat(Calls.metrics(output)).hasSize(1 + 5);
    resume("--epochs 4").succeeds();
    assertThat(Calls.metrics(output)).hasSize(1 + 8);
    assertThat(resume("--epochs 5 --max-steps 9").succeeds().err()).doesNotContain("note");
    assertThat(Calls.metrics(output)).hasSize(1 + 9);
  }

  @Test
  void aRunThatHasEndedSaysSo() {
    train("--max-steps 2").succeeds();
    String more = "so nothing is left to train: a larger --max-steps or --epochs goes on";
    assertThat(resume("").succeeds().err())
        .contains("note: step 2 is done and the run ends with step 2, " + more);
    assertThat(resume("--max-steps 1").succeeds().err()).contains("ends with step 1, " + more);
  }

  @Test
  void anAverageThatTheRunHasNotKeptIsNotMade() {
    train("--max-steps 1").succeeds();
    resume("--max-steps 2 --use-ema").failsWith(1, "ema.safetensors", "leave --use-ema out");
  }

  // ---- files

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "''",
        "null",
        "{}",
        "[]",
        "{\"progress\": null}",
        "{\"progress\": {}}",
        "{\"progress\": {\"step\": null, \"epoch\": 0, \"batch\": 0, \"images\": 4}}",
        "{\"progress\": {\"step\": -1, \"epoch\": 0, \"batch\": 0, \"images\": 4}}",
        "{\"progress\": {\"step\": 1, \"epoch\": -1, \"batch\": 0, \"images\": 4}}",
        "{\"progress\": {\"step\": 1, \"epoch\": 0, \"batch\": -1, \"images\": 4}}",
        "{\"progress\": {\"step\": 1.5, \"epoch\": 0, \"batch\": 0, \"images\": 4}}",
        "{\"progress\": {\"step\": \"x\", \"epoch\": 0, \"batch\": 0, \"images\": 4}}",
        "{\"progress\": {\"step\": 7, \"epoch\": 0, \"batch\": 0, \"images\": 4}}",
        "{\"progress\": {\"step\": 99999999999999999999, \"epoch\": 0, \"batch\": 0}}",
      })
  void anOddProgressIsNamed(String content) throws IOException {
    train("--max-steps 1").succeeds();
    List<String> rows = Calls.metrics(output);
    Path progress = output.resolve("checkpoints/step-000001/progress.json");
    Files.writeString(progress, content);
    resume("--max-steps 2").failsWith(1, progress.toString());
    assertThat(Calls.metrics(output)).isEqualTo(rows);
  }

  @ParameterizedTest
  @CsvSource({"x", "'1,2'", "'1,0,4,abc,1e-4,1,1'", "'99999999999999999999,0,4,1,1,1,1'", "''"})
  void anOddRowOfTheMetricsIsNamed(String row) throws IOException {
    train("--max-steps 3 --checkpoint-every 1").succeeds();
    Path metrics = output.resolve("metrics.csv");
    List<String> rows = Files.readAllLines(metrics);
    Files.writeString(
        metrics, String.join("\n", rows.get(0), row, rows.get(2), rows.get(3)) + "\n");
    resume("--max-steps 4").failsWith(1, metrics.toString(), "line 2");
    assertThat(Files.readAllLines(metrics).get(1)).isEqualTo(row);
    Files.delete(metrics);
    resume("--max-steps 4").succeeds();
  }

  /** Rows of later steps are written again, whatever a kill or a power cut has made of them. */
  @Test
  void whatFollowsTheCheckpointDoesNotMatter() throws IOException {
    train("--max-steps 3").succeeds();
    List<String> whole = Calls.metrics(output);
    train("--max-steps 2 --overwrite").succeeds();
    Files.writeString(
        output.resolve("metrics.csv"),
        Files.readString(output.resolve("metrics.csv")) + "3,1,\0\0\0\n\u00ff,,,,,,\n4");
    resume("--max-steps 3").succeeds();
    assertThat(Calls.metrics(output)).isEqualTo(whole);
  }

  @Test
  void metricsThatAreNotTextAreNamed() throws IOException {
    train("--max-steps 1").succeeds();
    Path metrics = output.resolve("metrics.csv");
    Files.write(metrics, new byte[] {(byte) 0xff, '\n', (byte) 0xfe, 0, 1, '\n'});
    resume("--max-steps 2").failsWith(1, metrics.toString());
  }

  @Test
  void aFolderThatIsNoCheckpointIsNamed() throws IOException {
    train("--max-steps 1").succeeds();
    Path odd = output.resolve("checkpoints/step-99999999999999999999");
    Files.createDirectory(odd);
    resume("--max-steps 2").failsWith(1, odd.toString(), "move it away");
    Files.delete(odd);
    Path all = odd.getParent();
    train("--max-steps 2 --resume " + all).failsWith(1, all + ": is not a checkpoint");
  }
}
