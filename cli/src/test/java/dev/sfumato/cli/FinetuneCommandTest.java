package dev.sfumato.cli;

import static com.google.common.truth.Truth.assertThat;
import static com.google.common.truth.Truth.assertWithMessage;

import com.fasterxml.jackson.databind.JsonNode;
import dev.sfumato.io.JsonFile;
import dev.sfumato.run.Training;
import dev.sfumato.run.WatchOptions;
import dev.sfumato.tensor.Safetensors;
import dev.sfumato.tensor.Scope;
import dev.sfumato.training.Ema;
import dev.sfumato.training.TrainingOptions;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** {@code finetune} against the loop in Python, by {@code reference/finetune.py}. */
class FinetuneCommandTest {
  private static final Path GOLDEN = Path.of("../core/src/test/resources/golden");
  private static final String WEIGHTS = "unet/diffusion_pytorch_model.safetensors";

  @TempDir Path folder;
  private Path data;
  private Path output;

  @BeforeEach
  void pictures() throws IOException {
    data = Files.createDirectory(folder.resolve("data"));
    output = folder.resolve("run");
    for (int i = 0; i < 10; i++) {
      BufferedImage image = new BufferedImage(8, 8, BufferedImage.TYPE_INT_RGB);
      for (int p = 0; p < 64; p++) {
        int x = p % 8;
        int y = p / 8;
        int value = 37 * i + 5 * x + 3 * x * y + i * y;
        image.setRGB(x, y, value % 256 << 16 | (value + 11) % 256 << 8 | (value + 22) % 256);
      }
      ImageIO.write(image, "png", data.resolve(i + ".png").toFile());
    }
  }

  /** Fine-tunes a golden model with {@code more} options. */
  private Calls.Result finetune(String model, String more) {
    return Calls.run(
        ("finetune --model %s --data %s --output %s --log csv --sample-count 0 --threads 1 " + more)
            .strip(),
        GOLDEN.resolve("finetune").resolve(model),
        data,
        output);
  }

  private static float[] weight(Path file, String name) {
    try (Scope scope = Scope.open()) {
      return Safetensors.open(file).tensor(name).toFloats();
    }
  }

  // ---- as PyTorch does

  static Stream<JsonNode> runs() {
    JsonNode document = JsonFile.read(GOLDEN.resolve("finetune.json"), JsonNode.class);
    return StreamSupport.stream(document.get("cases").spliterator(), false);
  }

  @ParameterizedTest
  @MethodSource("runs")
  void trainsAsPyTorchDoes(JsonNode golden) throws IOException {
    finetune(
            golden.get("model").textValue(),
            "--no-shuffle --no-flip --epochs 7 " + golden.get("call").textValue())
        .succeeds();
    List<String> rows = Calls.metrics(output);
    assertThat(rows).hasSize(1 + golden.get("losses").size());
    for (int step = 0; step < rows.size() - 1; step++) {
      String[] row = rows.get(step + 1).split(",");
      compare(row[3], golden.get("losses").get(step), 1e-4);
      compare(row[4], golden.get("learning_rates").get(step), 1e-9);
      compare(row[5], golden.get("grad_norms").get(step), 1e-3);
    }
    Path checkpoint = output.resolve("checkpoints/step-%06d".formatted(rows.size() - 1));
    compareWeights(golden, "raw", checkpoint.resolve(WEIGHTS));
    compareWeights(golden, "saved", output.resolve(WEIGHTS));
  }

  private static void compare(String written, JsonNode expected, double relative) {
    double value = expected.doubleValue();
    assertThat(Double.parseDouble(written)).isWithin(relative * Math.abs(value)).of(value);
  }

  private static void compareWeights(JsonNode golden, String kind, Path file) {
    Path expected = GOLDEN.resolve("finetune.safetensors");
    String prefix = golden.get("name").textValue() + "." + kind + ".";
    for (String name : Safetensors.open(expected).names()) {
      if (name.startsWith(prefix)) {
        assertWithMessage(name)
            .that(weight(file, name.substring(prefix.length())))
            .usingTolerance(1e-4)
            .containsExactly(weight(expected, name))
            .inOrder();
      }
    }
  }

  // ---- options

  @Test
  void hasDefaultsOfItsOwn() {
    finetune("velocity", "--max-steps 1").succeeds();
    JsonNode config = Calls.settings(output);
    assertThat(config.get("batch_size").intValue()).isEqualTo(4);
    assertThat(config.get("gradient_accumulation_steps").intValue()).isEqualTo(2);
    assertThat(config.get("learning_rate").doubleValue()).isEqualTo(1e-5);
    assertThat(config.get("optimizer").textValue()).isEqualTo("adamw");
    assertThat(config.get("flip").booleanValue()).isTrue();
    assertThat(config.get("use_ema").booleanValue()).isFalse();
    // What the model says.
    assertThat(config.get("resolution").intValue()).isEqualTo(8);
    assertThat(config.get("channels").textValue()).isEqualTo("rgb");
    assertThat(config.get("prediction_type").textValue()).isEqualTo("v_prediction");
    assertThat(config.get("beta_schedule").textValue()).isEqualTo("scaled_linear");
    String help = Calls.run("finetune --help").out().replaceAll("\\s+", " ");
    assertThat(help)
        .contains(
            "Base learning rate (default: 1e-4 for new models and LoRAs, 1e-5 for pretrained models,");
    assertThat(help).contains("Mirror half of the pictures (default: true).");
    assertThat(help).doesNotContain("--config");
    assertThat(Calls.run("train --help").out()).contains("(default: 1e-4 for new");
  }

  @Test
  void needsAModel() {
    Calls.run("finetune --data %s --output %s", data, output).failsWith(2, "--model");
    finetune("epsilon", "--config mnist").failsWith(2, "--config");
    assertThat(Files.exists(output)).isFalse();
  }

  @ParameterizedTest
  @CsvSource({
    "--prediction-type epsilon, v_prediction",
    "--beta-schedule linear, scaled_linear",
    "--train-timesteps 100, 1000",
    "--class-conditioning channels, none"
  })
  void refusesWhatTheModelIsNot(String options, String own) {
    finetune("velocity", options).failsWith(1, options + " does not suit the model", own);
    assertThat(Files.exists(output)).isFalse();
    finetune("velocity", options.split(" ")[0] + " " + own + " --max-steps 1").succeeds();
  }

  @ParameterizedTest
  @CsvSource({
    "--ema-decay 0.9, --use-ema",
    "--use-ema --ema-formula text-to-image --ema-power 0.5, --ema-formula power",
    "--snr-gamma 3, --loss-weighting min_snr",
    "--lr-warmup-steps 5, 'an --lr-scheduler with a warm-up, such as constant_with_warmup'",
    "--lr-scheduler cosine --lr-num-cycles 2, --lr-scheduler cosine_with_restarts",
    "--lr-power 2, --lr-scheduler polynomial",
    "--lr-step-rules 1:3;2, --lr-scheduler piecewise_constant",
    "--cache-latents memory --cache-dir x, --cache-latents disk",
    "--keep-tokens 1, --shuffle-tags",
    "--class-embedding-size 3, a new model with --class-conditioning channels",
    "--instance-prompt rose, a text-to-image model",
    "--shuffle-tags, a text-to-image model",
    "--caption-dropout 0.2, a text-to-image model",
    "--cache-latents disk, a text-to-image model",
    "--class-prompt rose --class-data x, a text-to-image model",
  })
  void refusesWhatWouldChangeNothing(String options, String need) {
    finetune("epsilon", options.replace(';', ','))
        .failsWith(2, " has no effect: it needs " + need + " (see sfumato finetune --help)");
    assertThat(Files.exists(output)).isFalse();
  }

  @Test
  void aColumnOfPicturesIsForParquetFiles() {
    assertThat(finetune("epsilon", "--max-steps 1 --image-column photo").succeeds().err())
        .contains("the column of pictures, photo, has no effect: only Parquet files have one");
  }

  @Test
  void whatARunNeedsMayHaveBeenGivenAtItsStart() {
    finetune("epsilon", "--max-steps 1 --use-ema --lr-warmup-steps 0").succeeds();
    finetune("epsilon", "--max-steps 2 --resume --ema-decay 0.9").succeeds();
  }

  @Test
  void resumeTakesTheOptionsOfTheRun() throws IOException {
    finetune(
            "epsilon",
            "--max-steps 4 --use-ema --freeze conv_in,*.bias --learning-rate 0.001"
                + " --gradient-checkpointing --checkpoint-every 2")
        .succeeds();
    List<String> whole = Calls.metrics(output);
    JsonNode options = Calls.settings(output);
    Path second = output.resolve("checkpoints/step-000002");
    Calls.run("finetune --output %s --resume %s", output, second).succeeds();
    assertThat(Calls.metrics(output)).isEqualTo(whole);
    assertThat(Calls.settings(output)).isEqualTo(options);
  }

  // ---- weights

  @Test
  void frozenWeightsStayBitForBit() {
    finetune(
            "epsilon",
            "--max-steps 3 --learning-rate 0.01 --weight-decay 0.1 --use-ema"
                + " --train-only up_blocks,mid_block.attentions.?,conv_* --freeze *.bias,conv_in")
        .succeeds();
    Path before = GOLDEN.resolve("finetune/epsilon").resolve(WEIGHTS);
    Set<String> changed =
        Safetensors.open(before).names().stream()
            .filter(
                name -> !Arrays.equals(weight(before, name), weight(output.resolve(WEIGHTS), name)))
            .collect(Collectors.toSet());
    assertThat(changed).contains("conv_out.weight");
    assertThat(changed).contains("mid_block.attentions.0.to_q.weight");
    assertThat(changed).contains("up_blocks.1.resnets.0.conv1.weight");
    for (String name : changed) {
      assertThat(name).matches("(up_blocks|mid_block\\.attentions|conv_out|conv_norm_out).*weight");
    }
    Set<String> state =
        Set.copyOf(
            Safetensors.open(output.resolve("checkpoints/step-000003/optimizer.safetensors"))
                .names());
    assertThat(state).contains("exp_avg.unet.conv_out.weight");
    assertThat(state).doesNotContain("exp_avg.unet.conv_in.weight");
    Calls.run("finetune --output %s --resume --max-steps 5 --freeze conv_out", output)
        .failsWith(1, "optimizer.safetensors", "--freeze");
  }

  /** The options that a library run saves; the others belong to the command line. */
  @Test
  void aTrainingFromJavaLeavesTheSameFiles() throws IOException {
    Path model = GOLDEN.resolve("finetune/epsilon");
    Path java = folder.resolve("java/run");
    finetune("epsilon", "--max-steps 3 --use-ema").succeeds();
    Training.fineTuning(model.toString(), data.toString(), java)
        .withOptions(TrainingOptions.fineTuning().withMaxSteps(3).withEma(Ema.Settings.DEFAULTS))
        .withWatch(WatchOptions.defaults().withSampleCount(0).withTensorboard(false))
        .run();
    assertThat(Calls.files(java)).isEqualTo(Calls.files(output));
    for (String file : List.of("README.md", WEIGHTS, "checkpoints/step-000003/" + WEIGHTS)) {
      assertWithMessage(file)
          .that(Files.mismatch(java.resolve(file), output.resolve(file)))
          .isEqualTo(-1);
    }
    JsonNode own = Calls.settings(java);
    JsonNode called = Calls.settings(output);
    own.properties().forEach(o -> assertThat(called.get(o.getKey())).isEqualTo(o.getValue()));
    Set<String> more = new TreeSet<>();
    called.fieldNames().forEachRemaining(more::add);
    own.fieldNames().forEachRemaining(more::remove);
    assertThat(more).containsExactly("device", "log", "precision", "threads");
    Calls.run("finetune --output %s --resume --max-steps 4", java).succeeds();
    assertThat(Calls.metrics(java)).hasSize(5);
  }

  @ParameterizedTest
  @CsvSource({
    "--freeze down_block, no weight is named 'down_block'",
    "--train-only conv_out.gain, conv_in.weight",
    "--freeze *, leave no weight to train",
    "--train-only conv_out --freeze conv_out, leave no weight to train"
  })
  void patternsThatFitNothingAreRefused(String options, String message) {
    finetune("epsilon", options).failsWith(2, message);
    assertThat(Files.exists(output)).isFalse();
  }

  @Test
  void gradientCheckpointingChangesNothingButRounding() throws IOException {
    finetune("epsilon", "--max-steps 3 --learning-rate 0.001").succeeds();
    List<String> plain = Calls.metrics(output);
    finetune(
            "epsilon",
            "--max-steps 3 --learning-rate 0.001 --gradient-checkpointing --overwrite"
                + " --freeze down_blocks.0,conv_in,time_embedding")
        .succeeds();
    List<String> frozen = Calls.metrics(output);
    assertThat(frozen.get(1).split(",")[3]).isEqualTo(plain.get(1).split(",")[3]);
    finetune("epsilon", "--max-steps 3 --learning-rate 0.001 --gradient-checkpointing --overwrite")
        .succeeds();
    for (int i = 1; i < plain.size(); i++) {
      double loss = Double.parseDouble(plain.get(i).split(",")[3]);
      assertThat(Double.parseDouble(Calls.metrics(output).get(i).split(",")[3]))
          .isWithin(1e-5 * loss)
          .of(loss);
    }
  }
}
