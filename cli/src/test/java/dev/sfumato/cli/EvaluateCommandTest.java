package dev.sfumato.cli;

import static com.google.common.truth.Truth.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.sfumato.io.JsonFile;
import dev.sfumato.model.ClassConditionedUNet;
import dev.sfumato.model.ClassConditioning;
import dev.sfumato.model.ClassConditioning.Type;
import dev.sfumato.model.UNet2DConfig;
import dev.sfumato.pipeline.PixelPipeline;
import dev.sfumato.scheduler.SchedulerConfig;
import dev.sfumato.tensor.Rng;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EvaluateCommandTest {
  private static final ClassConditioning DIGITS = new ClassConditioning(Type.ONE_HOT, 10, 0);

  @TempDir private Path folder;
  private final PrintStream out = System.out;
  private final PrintStream err = System.err;
  private final ByteArrayOutputStream printed = new ByteArrayOutputStream();
  private final ByteArrayOutputStream complained = new ByteArrayOutputStream();

  @BeforeEach
  void listen() {
    System.setOut(new PrintStream(printed, true, StandardCharsets.UTF_8));
    System.setErr(new PrintStream(complained, true, StandardCharsets.UTF_8));
  }

  @AfterEach
  void restore() {
    System.setOut(out);
    System.setErr(err);
  }

  private int evaluate(String... options) {
    String[] args = new String[options.length + 3];
    args[0] = "evaluate";
    args[1] = "--device";
    args[2] = "cpu";
    System.arraycopy(options, 0, args, 3, options.length);
    return Sfumato.run(args);
  }

  private String output() {
    return printed.toString(StandardCharsets.UTF_8);
  }

  private String errors() {
    return complained.toString(StandardCharsets.UTF_8);
  }

  @Test
  void aDistanceNeedsFeaturesAndPictures() {
    assertThat(evaluate("--images", folder.toString(), "--against", "mnist")).isEqualTo(2);
    assertThat(evaluate("--images", folder.toString(), "--clip", "models/clip")).isEqualTo(2);
    assertThat(errors()).contains("error: --against and --clip need each other");
  }

  // ---- a model

  @Test
  void readsTheClassesThatAModelDraws() {
    Path json = folder.resolve("results.json");
    int status =
        evaluate(
            "--model",
            model(28, DIGITS),
            "--classes",
            "--count",
            "23",
            "--steps",
            "2",
            "--json",
            json.toString());
    assertThat(errors()).isEmpty();
    assertThat(status).isEqualTo(0);
    JsonNode results = JsonFile.read(json, JsonNode.class);
    assertThat(results.at("/classes/asked").asInt()).isEqualTo(23);
    assertThat(results.at("/classes/classes/2/asked").asInt()).isEqualTo(3);
    assertThat(results.at("/classes/classes/3/asked").asInt()).isEqualTo(2);
    assertThat(results.at("/steps").asInt()).isEqualTo(2);
    assertThat(results.at("/classifier/test_accuracy").asDouble()).isGreaterThan(0.99);
    assertThat(output()).containsMatch("(?m)^all +23 +\\d+ ");
    assertThat(output()).containsMatch("classifier: reads 99\\.\\d\\d % of 10000 test pictures");
  }

  @Test
  void drawsFewerPicturesThanThereAreClasses() {
    assertThat(evaluate("--model", model(28, DIGITS), "--classes", "--count", "3", "--steps", "1"))
        .isEqualTo(0);
    assertThat(output()).containsMatch("(?m)^all +3 ");
  }

  @Test
  void summarisesWhatAnUnconditionedModelDraws() {
    int status =
        evaluate("--model", model(16, ClassConditioning.NONE), "--count", "5", "--steps", "2");
    assertThat(errors()).isEmpty();
    assertThat(status).isEqualTo(0);
    assertThat(output()).containsMatch("(?m)^pictures +5$");
    assertThat(output()).containsMatch("(?m)^  16 x 16 +5$");
  }

  @Test
  void refusesModelsWhosePicturesItCannotRead() {
    assertFails("not class-conditioned", "--model", model(28, ClassConditioning.NONE), "--classes");
    assertFails("[16] pixels", "--model", model(16, DIGITS), "--classes");
    assertFails("no such model directory", "--model", folder.resolve("nothing").toString());
    assertFails(
        "no such classifier directory",
        "--model",
        model(28, DIGITS),
        "--classes",
        "--classifier",
        folder.resolve("no").toString());
    assertFails(2, "count must be at least 1", "--model", model(28, DIGITS), "--count", "0");
  }

  private void assertFails(String reason, String... options) {
    assertFails(1, reason, options);
  }

  private void assertFails(int status, String reason, String... options) {
    complained.reset();
    assertThat(evaluate(options)).isEqualTo(status);
    assertThat(errors()).startsWith("error: ");
    assertThat(errors()).contains(reason);
    assertThat(errors().lines().count()).isEqualTo(1);
  }

  private String model(int size, ClassConditioning conditioning) {
    UNet2DConfig unet =
        UNet2DConfig.of(
            Map.of(
                "sample_size",
                size,
                "in_channels",
                1 + conditioning.extraChannels(),
                "out_channels",
                1,
                "layers_per_block",
                1,
                "block_out_channels",
                List.of(8),
                "norm_num_groups",
                4,
                "down_block_types",
                List.of("DownBlock2D"),
                "up_block_types",
                List.of("UpBlock2D")));
    Path model = folder.resolve("model-" + size + conditioning.type());
    try (ClassConditionedUNet denoiser = new ClassConditionedUNet(unet, conditioning);
        Rng random = new Rng(0)) {
      denoiser.reset(random);
      new PixelPipeline(denoiser, SchedulerConfig.ddpmDefaults()).save(model);
    }
    return model.toString();
  }

  // ---- a folder

  @Test
  void measuresFolders() throws IOException {
    Path images = folder.resolve("images");
    writeStroke(images.resolve("1/a.png"));
    writeStroke(images.resolve("1/b.png"));
    assertThat(evaluate("--images", images.toString(), "--classes")).isEqualTo(0);
    assertThat(output()).containsMatch("(?m)^1 +2 +2 +100\\.00 %$");
    assertThat(evaluate("--images", images.toString())).isEqualTo(0);
    assertThat(output()).containsMatch("(?m)^  28 x 28 +2$");
    assertThat(output()).containsMatch("(?m)^repeated +1$");
    assertFails("subfolders", "--images", images.resolve("1").toString(), "--classes");
    writeStroke(folder.resolve("splits/test/1/a.png"));
    writeStroke(folder.resolve("splits/train/1/a.png"));
    writeStroke(folder.resolve("splits/train/1/b.png"));
    String splits = folder.resolve("splits").toString();
    assertThat(evaluate("--images", splits, "--split", "train")).isEqualTo(0);
    assertThat(output()).containsMatch("(?m)^  28 x 28 +2$(?s:.*)^  28 x 28 +2$");
    assertThat(evaluate("--images", splits)).isEqualTo(0);
    assertThat(output()).containsMatch("(?m)^  28 x 28 +1$");
    assertFails("no split 'validation'", "--images", splits, "--split", "validation");
    assertFails("no such folder", "--images", folder.resolve("nothing").toString());
  }

  /** A one: an upright white stroke. */
  private static void writeStroke(Path file) throws IOException {
    BufferedImage image = new BufferedImage(28, 28, BufferedImage.TYPE_INT_RGB);
    for (int y = 4; y < 24; y++) {
      for (int x = 13; x < 16; x++) {
        image.setRGB(x, y, 0xffffff);
      }
    }
    Files.createDirectories(file.getParent());
    ImageIO.write(image, "png", file.toFile());
  }

  // ---- calls

  @Test
  void asksForOneSubject() {
    assertThat(evaluate("--classes")).isEqualTo(2);
    assertThat(evaluate("--model", "a", "--images", "b")).isEqualTo(2);
    assertThat(evaluate("--train-classifier", folder.toString())).isEqualTo(2);
    assertThat(errors()).contains("--train-classifier needs --data");
  }
}
