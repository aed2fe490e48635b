package dev.sfumato.cli;

import static com.google.common.truth.Truth.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.sfumato.run.OutputDirectory;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.CRC32;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class TrainCommandTest {
  @TempDir Path folder;
  private Path data;
  private Path output;
  private List<String> small;

  @BeforeEach
  void dataAndOptions() throws IOException {
    data = Calls.pictures(folder.resolve("data"), 6);
    output = folder.resolve("run");
    small =
        Calls.words(
            "train --data %s --output %s --config %s --resolution 8 --batch-size 4 --threads 1"
                + " --train-timesteps 20 --sample-count 0 --log csv",
            data, output, Calls.config(folder));
  }

  /** A small training with {@code more} options, which take the place of its own. */
  private Calls.Result train(String more, Object... places) {
    List<String> args = new ArrayList<>(small);
    List<String> words = more.isEmpty() ? List.of() : Calls.words(more, places);
    for (String word : words) {
      int own = args.indexOf(word);
      if (own >= 0 && word.startsWith("--")) {
        args.subList(own, own + 2).clear();
      }
    }
    args.addAll(words);
    return Calls.run(args);
  }

  // ---- options

  @Test
  void trainsAndSaysWhereTheModelIs() throws IOException {
    Calls.Result result = train("--epochs 2");
    result.succeeds();
    assertThat(result.out()).isEqualTo(output + System.lineSeparator());
    assertThat(Calls.metrics(output)).hasSize(1 + 4);
    assertThat(Files.exists(output.resolve("report.html"))).isTrue();
    assertThat(Files.readString(output.resolve("report.html"))).contains("gradient_accumulation");
    assertThat(Files.exists(output.resolve("tensorboard"))).isFalse();
    Calls.run("inspect %s", output).succeeds();
  }

  /** --max-steps alone is not cut short by the default number of epochs. */
  @Test
  void maxStepsTakesAsManyEpochsAsItNeeds() throws IOException {
    train("--max-steps 25").succeeds();
    assertThat(Calls.metrics(output)).hasSize(1 + 25);
    assertThat(Calls.settings(output).get("epochs").intValue()).isEqualTo(0);
  }

  @Test
  void trainsOnTheSplitThatIsAskedFor() throws IOException {
    Calls.pictures(folder.resolve("split/train"), 6);
    Calls.pictures(folder.resolve("split/test"), 2);
    train("--data %s --epochs 1 --split test", folder.resolve("split")).succeeds();
    assertThat(Calls.metrics(output).get(1)).startsWith("1,0,2,");
    train("--data %s --epochs 1 --split validation --overwrite", folder.resolve("split"))
        .failsWith(1, "no split 'validation', only train and test");
    train("--data %s --split dev", folder.resolve("split")).failsWith(2, "--split");
  }

  /** A run does not learn from the pictures that it draws. */
  @Test
  void anOutputInsideTheDataIsLeftOut() throws IOException {
    output = data.resolve("run");
    small.set(small.indexOf("--output") + 1, output.toString());
    String drawing = "--sample-count 1 --sample-steps 1 --sample-every 1";
    train("--epochs 1 --batch-size 6 " + drawing).succeeds();
    Calls.Result resumed =
        Calls.run("train --data %s --output %s --resume --epochs 2", data, output);
    resumed.succeeds();
    assertThat(resumed.err()).contains("left out, the output of a run");
    assertThat(Calls.metrics(output).get(2)).startsWith("2,1,12,");
  }

  @Test
  void dataInsideTheOutputIsRefused() throws IOException {
    Path inside = Calls.pictures(output.resolve("data"), 2);
    train("--data %s --max-steps 1", inside).failsWith(1, "use separate folders");
    assertThat(Files.exists(inside.resolve("a/0.png"))).isTrue();
  }

  @Test
  void configHoldsEveryResolvedOption() {
    train("--max-steps 1 --no-shuffle --flip --use-ema --lr-scheduler cosine_with_restarts")
        .succeeds();
    JsonNode config = Calls.settings(output);
    assertThat(config.get("shuffle").booleanValue()).isFalse();
    assertThat(config.get("flip").booleanValue()).isTrue();
    assertThat(config.get("use_ema").booleanValue()).isTrue();
    assertThat(config.get("center_crop").booleanValue()).isFalse();
    assertThat(config.get("lr_scheduler").textValue()).isEqualTo("cosine_with_restarts");
    assertThat(config.get("learning_rate").doubleValue()).isEqualTo(1e-4);
    // What the user left open is there as it was resolved.
    assertThat(config.get("weight_decay").doubleValue()).isEqualTo(0.01);
    assertThat(config.get("prediction_type").textValue()).isEqualTo("epsilon");
    assertThat(config.get("beta_schedule").textValue()).isEqualTo("linear");
    assertThat(config.get("class_conditioning").textValue()).isEqualTo("none");
    assertThat(config.get("channels").textValue()).isEqualTo("rgb");
    assertThat(config.get("resolution").intValue()).isEqualTo(8);
    assertThat(config.get("log").toString()).isEqualTo("[\"csv\"]");
    for (String callOnly : List.of("resume", "overwrite", "output", "help")) {
      assertThat(config.has(callOnly)).isFalse();
    }
  }

  @Test
  void resumeTakesTheOptionsOfTheRun() throws IOException {
    train(
            "--max-steps 3 --no-shuffle --flip --use-ema --ema-power 0.5 --optimizer adam"
                + " --loss-weighting min_snr --class-conditioning channels --class-dropout 0.2"
                + " --prediction-type v_prediction --on-bad-image skip --seed 7"
                + " --log csv,tensorboard --gradient-accumulation-steps 2 --learning-rate 0.003")
        .succeeds();
    JsonNode before = Calls.settings(output);
    Calls.run("train --resume --output %s --max-steps 5", output).succeeds();
    ((ObjectNode) before).put("max_steps", 5);
    assertThat(Calls.settings(output)).isEqualTo(before);
    assertThat(Calls.metrics(output)).hasSize(1 + 5);
  }

  /** A flag that is on in config.json is not switched off by being said again. */
  @Test
  void flagsMayBeSaidAgain() {
    train("--max-steps 1 --use-ema --flip --center-crop").succeeds();
    Calls.run(
            "train --resume --output=%s --max-steps 2 --use-ema --flip --center-crop"
                .replace("%s", output.toString()))
        .succeeds();
    assertThat(Calls.settings(output).get("use_ema").booleanValue()).isTrue();
    assertThat(Calls.settings(output).get("flip").booleanValue()).isTrue();
    assertThat(Calls.settings(output).get("center_crop").booleanValue()).isTrue();
    Calls.run("train --resume --output %s --max-steps 3 --no-flip --shuffle", output).succeeds();
    assertThat(Calls.settings(output).get("flip").booleanValue()).isFalse();
    assertThat(Calls.settings(output).get("shuffle").booleanValue()).isTrue();
  }

  @Test
  void goesOnFromAnEarlierCheckpoint() throws IOException {
    train("--max-steps 4 --checkpoint-every 1 --checkpoints-keep 4").succeeds();
    List<String> whole = Calls.metrics(output);
    Path second = output.resolve("checkpoints/step-000002");
    Calls.run("train --resume %s --output %s --max-steps 3", second, output).succeeds();
    assertThat(Calls.metrics(output)).isEqualTo(whole.subList(0, 4));
    assertThat(Files.exists(output.resolve("checkpoints/step-000004"))).isFalse();
    assertThat(Files.exists(output.resolve("checkpoints/step-000003"))).isTrue();
  }

  @Test
  void goesOnFromPretrainedWeights() throws IOException {
    train("--max-steps 1 --class-conditioning embedding --class-dropout 0.1").succeeds();
    Path tuned = folder.resolve("tuned");
    Calls.run(
            "train --model %s --data %s --output %s --resolution 8 --max-steps 1 --log csv"
                + " --sample-count 0 --class-dropout 0.1 --threads 1",
            output, data, tuned)
        .succeeds();
    assertThat(Files.readString(tuned.resolve("unet/config.json")))
        .isEqualTo(Files.readString(output.resolve("unet/config.json")));
    Calls.run(
            "train --model %s --data %s --output %s --resolution 8 --class-conditioning one_hot",
            output, data, folder.resolve("other"))
        .failsWith(1, "--class-conditioning one_hot does not suit");
    Calls.run(
            "train --model %s --data %s --output %s --resolution 8 --prediction-type sample",
            output, data, folder.resolve("other"))
        .failsWith(1, "--prediction-type sample does not suit");
  }

  /** Once, the model was deleted before it was read. */
  @Test
  void theModelMayBeInTheDirectoryThatIsOverwritten() throws IOException {
    train("--max-steps 1").succeeds();
    Calls.run(
            "train --model %s --overwrite --data %s --output %s --resolution 8 --max-steps 2"
                + " --log csv --sample-count 0 --threads 1",
            output, data, output)
        .succeeds();
    assertThat(Calls.metrics(output)).hasSize(1 + 2);
  }

  // ---- wrong calls

  @ParameterizedTest
  @ValueSource(
      strings = {
        "--batch-size 0",
        "--batch-size -1",
        "--batch-size many",
        "--gradient-accumulation-steps 0",
        "--epochs 0",
        "--epochs -2 --max-steps 3",
        "--max-steps -1",
        "--learning-rate 0",
        "--learning-rate NaN",
        "--adam-beta1 1",
        "--weight-decay -1",
        "--max-grad-norm -1",
        "--lr-scheduler sawtooth",
        "--lr-warmup-steps -1",
        "--ema-decay 2",
        "--prediction-type score",
        "--loss-weighting much",
        "--noise-offset -0.1",
        "--beta-schedule round",
        "--train-timesteps 0",
        "--class-conditioning text",
        "--class-dropout 1",
        "--sample-every -1",
        "--sample-steps 0",
        "--checkpoint-every -1",
        "--checkpoints-keep 0",
        "--log csv,mlflow",
        "--resolution -8",
        "--channels cmyk",
        "--on-bad-image cry",
        "--device tpu",
        "--precision int4",
        "--threads 0",
        "--seed x",
        "--seed 1 --seed 2",
        "--no-such-option",
        "stray",
      })
  void aWrongCallIsOneLineAndStatusTwo(String options) {
    train(options).failsWith(2, "see sfumato train --help");
    assertThat(Files.exists(output)).isFalse();
  }

  @Test
  void whatIsRequiredIsSaid() {
    Calls.run("train --data %s", data).failsWith(2, "--output");
    Calls.run("train --output %s", output).failsWith(2, "--data");
    Calls.run("paint").failsWith(2, "paint");
  }

  // ---- work that fails

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "--data nowhere | nowhere: there is no such folder",
        "--resolution 9 | 9 x 9",
        "--config nonsense | nonsense",
        "--class-dropout 0.1 | --class-dropout needs",
        "--resume checkpoint-7 | there is no run to resume",
        "--model nowhere --config x | --config",
      })
  void aFailureIsOneLineAndLeavesNothing(String options, String words) {
    Calls.Result result = train(options);
    result.failsWith(options.contains("--model") ? 2 : 1, words);
    assertThat(Files.exists(output)).isFalse();
  }

  @Test
  void emptyDataAreRefused() throws IOException {
    Path empty = Files.createDirectory(folder.resolve("empty"));
    train("--data %s", empty).failsWith(1, empty.toString());
    assertThat(Files.exists(output)).isFalse();
  }

  @Test
  void filesThatAreNoPicturesAreNamed() throws IOException {
    Files.writeString(data.resolve("a/broken.png"), "not a picture");
    Files.write(data.resolve("b/huge.png"), pngHeader(60_000, 60_000));
    train("--max-steps 1").failsWith(1, "broken.png", "huge.png");
    assertThat(Files.exists(output)).isFalse();
    train("--max-steps 1 --on-bad-image skip").succeeds();
  }

  /** The first 33 bytes of a PNG of 10 GB. */
  private static byte[] pngHeader(int width, int height) {
    ByteBuffer chunk = ByteBuffer.allocate(17);
    chunk.put("IHDR".getBytes()).putInt(width).putInt(height).put(new byte[] {8, 2, 0, 0, 0});
    CRC32 crc = new CRC32();
    crc.update(chunk.array());
    return ByteBuffer.allocate(33)
        .putLong(0x89504E470D0A1A0AL)
        .putInt(13)
        .put(chunk.array())
        .putInt((int) crc.getValue())
        .array();
  }

  @Test
  void aLabelOutOfRangeIsRefused() throws IOException {
    Path digits = Files.createDirectory(folder.resolve("digits"));
    Files.write(
        digits.resolve("train-images-idx3-ubyte"),
        ByteBuffer.allocate(16 + 64).putInt(0x803).putInt(1).putInt(8).putInt(8).array());
    Files.write(
        digits.resolve("train-labels-idx1-ubyte"),
        ByteBuffer.allocate(9).putInt(0x801).putInt(1).put((byte) 12).array());
    train("--data %s", digits).failsWith(1, "12");
    assertThat(Files.exists(output)).isFalse();
  }

  @Test
  void classesOfOtherNamesAreRefused() throws IOException {
    train("--max-steps 2 --class-conditioning channels").succeeds();
    Path other = Calls.pictures(folder.resolve("other"), 6);
    Files.move(other.resolve("a"), other.resolve("c"));
    String words = "class 0 of the data is 'b', but the model knows it as 'a'";
    train("--data %s --resume --max-steps 3", other).failsWith(1, words);
    Path tuned = folder.resolve("tuned");
    Calls.run(
            "finetune --data %s --output %s --model %s --max-steps 1 --sample-count 0",
            other, tuned, output)
        .failsWith(1, words);
    assertThat(Calls.metrics(output)).hasSize(1 + 2);
  }

  /** Models that others made have no names for their classes. */
  @Test
  void aModelWithoutNamesTakesThoseOfTheData() throws IOException {
    train("--max-steps 1 --class-conditioning embedding").succeeds();
    Path names = output.resolve("class_conditioning/config.json");
    assertThat(Files.readString(names)).contains("\"class_names\" : [ \"a\", \"b\" ]");
    Files.delete(names);
    Path tuned = folder.resolve("tuned");
    Calls.run(
            "finetune --data %s --output %s --model %s --max-steps 1 --sample-count 0",
            data, tuned, output)
        .succeeds();
    assertThat(Files.readString(tuned.resolve("class_conditioning/config.json")))
        .contains("\"class_names\" : [ \"a\", \"b\" ]");
  }

  @Test
  void aDirectoryInUseOrWithContentIsLeftAlone() throws IOException {
    try (OutputDirectory inUse = OutputDirectory.create(output, false)) {
      train("").failsWith(1, "another run is using");
    }
    Files.createDirectories(output);
    Files.writeString(output.resolve("thesis.txt"), "mine");
    train("").failsWith(1, "the output directory exists");
    train("--overwrite").failsWith(1, "delete it yourself");
    train("--resume").failsWith(1, "there is no run to resume", "another --output");
    assertThat(Calls.files(output)).containsExactly(Path.of("thesis.txt"));
  }

  @Test
  void aDamagedRunIsNamed() throws IOException {
    train("--max-steps 1").succeeds();
    Path checkpoint = output.resolve("checkpoints/step-000001");
    Path optimizer = checkpoint.resolve("optimizer.safetensors");
    byte[] bytes = Files.readAllBytes(optimizer);
    Files.write(optimizer, new byte[100]);
    train("--resume --max-steps 2").failsWith(1, optimizer.toString());
    Files.write(optimizer, bytes);
    train("--resume --max-steps 2 --use-ema").failsWith(1, "ema.safetensors");
    Files.writeString(output.resolve("config.json"), "{");
    train("--resume --max-steps 2").failsWith(1, "config.json");
  }

  @Test
  void anotherBatchSizeInTheMiddleOfAnEpochIsRefused() {
    train("--max-steps 1 --batch-size 2").succeeds();
    train("--resume --max-steps 2 --batch-size 6")
        .failsWith(1, "go on with the same --data and --batch-size");
  }

  @Test
  void aDescriptionOfAModelSaysTheSizeOfItsPictures() throws IOException {
    Path data = Calls.pictures(folder.resolve("small"), 4);
    Path output = folder.resolve("sized");
    String call =
        "train --data %s --output %s --max-steps 1 --batch-size 1 --sample-count 0 --log csv"
            + " --threads 1 --overwrite ";
    Calls.run(call + "--config %s", data, output, Calls.config(folder)).succeeds();
    assertThat(Files.readString(output.resolve("config.json"))).contains("\"resolution\" : 8");
    Calls.run(call + "--config faces-32", data, output).succeeds();
    assertThat(Files.readString(output.resolve("config.json"))).contains("\"resolution\" : 32");
    Calls.run(call + "--config faces-32 --resolution 16", data, output).succeeds();
    assertThat(Files.readString(output.resolve("config.json"))).contains("\"resolution\" : 16");
    Calls.run(call + "--config face-32", data, output)
        .failsWith(1, "the presets mnist, faces-32, ddpm-256; did you mean faces-32?");
  }
}
