package dev.sfumato.cli;

import static com.google.common.truth.Truth.assertThat;
import static com.google.common.truth.Truth.assertWithMessage;

import com.fasterxml.jackson.databind.JsonNode;
import dev.sfumato.io.JsonFile;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.stream.Stream;
import javax.imageio.ImageIO;

/** Calls of the program, in this process or another, and the small things they work on. */
final class Calls {
  /** A network that a slow machine trains at 20 steps a second. */
  private static final String UNET =
      """
      {"sample_size": 8, "block_out_channels": [8, 16], "layers_per_block": 1,
       "norm_num_groups": 4, "dropout": 0.1, "add_attention": false,
       "down_block_types": ["DownBlock2D", "DownBlock2D"],
       "up_block_types": ["UpBlock2D", "UpBlock2D"]}
      """;

  private Calls() {}

  /** The result of a call. */
  record Result(int status, String out, String err) {
    /** Fails unless the call failed with this status and one line that has all {@code words}. */
    Result failsWith(int expected, String... words) {
      assertWithMessage(err).that(status).isEqualTo(expected);
      assertThat(out).isEmpty();
      assertThat(err).startsWith("error: ");
      assertWithMessage(err).that(err.lines().count()).isEqualTo(1);
      for (String word : words) {
        assertThat(err).contains(word);
      }
      return this;
    }

    Result succeeds() {
      assertWithMessage(err).that(status).isEqualTo(0);
      return this;
    }
  }

  /** Calls the program in this process. */
  static Result run(List<String> args) {
    PrintStream out = System.out;
    PrintStream err = System.err;
    ByteArrayOutputStream printed = new ByteArrayOutputStream();
    ByteArrayOutputStream complained = new ByteArrayOutputStream();
    System.setOut(new PrintStream(printed, true, StandardCharsets.UTF_8));
    System.setErr(new PrintStream(complained, true, StandardCharsets.UTF_8));
    try {
      int status = Sfumato.run(args.toArray(String[]::new));
      return new Result(
          status,
          printed.toString(StandardCharsets.UTF_8),
          complained.toString(StandardCharsets.UTF_8));
    } finally {
      System.setOut(out);
      System.setErr(err);
    }
  }

  /** Calls the program with words separated by spaces. */
  static Result run(String line, Object... places) {
    return run(words(line, places));
  }

  /** {@code line} cut at spaces, each {@code %s} being one of {@code places}. */
  static List<String> words(String line, Object... places) {
    List<String> words = new ArrayList<>();
    int next = 0;
    for (String word : line.split(" +")) {
      words.add(word.equals("%s") ? places[next++].toString() : word);
    }
    return words;
  }

  /** A process that runs the program; its output goes to {@code log}. */
  static Process start(Path log, List<String> args) throws IOException {
    return shell(log, "exec \"$@\"", args);
  }

  /** The same, started by a shell's {@code script}. */
  static Process shell(Path log, String script, List<String> args) throws IOException {
    List<String> command =
        new ArrayList<>(
            List.of(
                "sh",
                "-c",
                script,
                "sfumato",
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:TieredStopAtLevel=1",
                "-XX:+UseSerialGC",
                "-Xshare:auto",
                "-XX:-UsePerfData",
                "--enable-native-access=ALL-UNNAMED",
                "-Djava.awt.headless=true",
                "-cp",
                System.getProperty("java.class.path"),
                Sfumato.class.getName()));
    command.addAll(args);
    ProcessBuilder builder = new ProcessBuilder(command);
    builder.environment().put("OPENBLAS_NUM_THREADS", "1");
    builder.environment().put("OMP_WAIT_POLICY", "PASSIVE");
    return builder.redirectErrorStream(true).redirectOutput(log.toFile()).start();
  }

  /** Noise as pictures of 8 x 8 pixels in the subfolders {@code a} and {@code b}. */
  static Path pictures(Path folder, int count) throws IOException {
    Random random = new Random(1);
    for (int i = 0; i < count; i++) {
      BufferedImage image = new BufferedImage(8, 8, BufferedImage.TYPE_INT_RGB);
      for (int p = 0; p < 64; p++) {
        image.setRGB(p % 8, p / 8, random.nextInt(1 << 24));
      }
      Path file = folder.resolve(i % 2 == 0 ? "a" : "b").resolve(i + ".png");
      Files.createDirectories(file.getParent());
      ImageIO.write(image, "png", file.toFile());
    }
    return folder;
  }

  /** A model of pictures of 8 x 8, trained for a step with {@code more} options. */
  static Path model(Path folder, String more) throws IOException {
    Path model = folder.resolve("model");
    run(
            "train --data %s --output %s --config %s --resolution 8 --max-steps 1 --sample-count 0"
                + " --train-timesteps 20 --threads 1 --log csv "
                + more,
            pictures(folder.resolve("data"), 4),
            model,
            config(folder))
        .succeeds();
    return model;
  }

  /** The file of a small network's configuration. */
  static Path config(Path folder) throws IOException {
    return Files.writeString(folder.resolve("unet.json"), UNET);
  }

  /** The rows of a run's metrics without the last column, which holds the time a step took. */
  static List<String> metrics(Path output) throws IOException {
    return Files.readAllLines(output.resolve("metrics.csv")).stream()
        .map(row -> row.substring(0, row.lastIndexOf(',')))
        .toList();
  }

  /** Waits for the end, which gives true, or the moment. */
  static boolean waitFor(Process process, BooleanSupplier moment) throws InterruptedException {
    long start = System.nanoTime();
    while (!process.waitFor(2, TimeUnit.MILLISECONDS)) {
      if (moment.getAsBoolean()) {
        return false;
      }
      assertThat(System.nanoTime() - start).isLessThan(TimeUnit.MINUTES.toNanos(3));
    }
    return true;
  }

  /** Waits for the moment, which comes before the end. */
  static void await(Process process, Path log, BooleanSupplier moment)
      throws IOException, InterruptedException {
    boolean ended = waitFor(process, moment);
    assertWithMessage(Files.readString(log)).that(ended).isFalse();
  }

  /** The number of steps in a run's metrics. */
  static int rows(Path output) {
    try (Stream<String> lines = Files.lines(output.resolve("metrics.csv"))) {
      return (int) lines.count() - 1;
    } catch (IOException e) {
      return 0;
    }
  }

  /** The options of a run as its {@code config.json} has them. */
  static JsonNode settings(Path output) {
    return JsonFile.read(output.resolve("config.json"), JsonNode.class);
  }

  /** All files below {@code folder}. */
  static List<Path> files(Path folder) {
    try (Stream<Path> tree = Files.walk(folder)) {
      return tree.filter(Files::isRegularFile).map(folder::relativize).sorted().toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
