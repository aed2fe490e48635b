package dev.sfumato.run;

import static com.google.common.truth.Truth.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.sfumato.SfumatoException;
import dev.sfumato.checkpoint.LoraOptions;
import dev.sfumato.data.DataOptions;
import dev.sfumato.io.JsonFile;
import dev.sfumato.picture.Png;
import dev.sfumato.pipeline.DiffusionPipeline;
import dev.sfumato.pipeline.LoadingOptions;
import dev.sfumato.pipeline.TinyStableDiffusion;
import dev.sfumato.scheduler.PredictionType;
import dev.sfumato.tensor.DType;
import dev.sfumato.tensor.Device;
import dev.sfumato.tensor.Safetensors;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import dev.sfumato.training.TrainingOptions;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Models in one file learn as the directories that are converted from them. */
class SingleFileTrainingTest {
  @TempDir Path folder;
  private Path file;
  private Path directory;

  /** Writes a model as a file in half precision, and what {@code convert} makes of it. */
  private void write(String family) {
    file = folder.resolve("model.safetensors");
    directory = folder.resolve("converted");
    Path model = TinyStableDiffusion.write(folder.resolve(family), family);
    convert(model, LoadingOptions.DEFAULT, file, DType.FLOAT16);
    convert(file, LoadingOptions.DEFAULT, directory, DType.FLOAT32);
  }

  private static void convert(Path from, LoadingOptions options, Path to, DType floats) {
    try (DiffusionPipeline pipeline = DiffusionPipeline.load(from, options)) {
      pipeline.save(to, floats);
    }
  }

  @BeforeEach
  void writePictures() throws IOException {
    for (String caption : List.of("a <x>", "a red <x>", "<x>")) {
      String name = "pictures/" + caption.length();
      BufferedImage picture = new BufferedImage(16, 16, BufferedImage.TYPE_INT_RGB);
      for (int i = 0; i < 256; i++) {
        picture.setRGB(i % 16, i / 16, i * i * 7919 * caption.length());
      }
      Png.write(folder.resolve(name + ".png"), picture);
      Files.writeString(folder.resolve(name + ".txt"), caption);
    }
  }

  private static Method method(String name) {
    return switch (name) {
      case "lora" -> Method.lora(LoraOptions.defaults().withRank(2)).withTextEncoder(true);
      case "word" -> Method.textualInversion(new Method.Word("<x>", "a", 2));
      default -> Method.full().withTextEncoder(true);
    };
  }

  private Training training(Path model, String method, String output) {
    return Training.fineTuning(
            model.toString(), folder.resolve("pictures").toString(), folder.resolve(output))
        .withPictures(DataOptions.defaults().withResolution(16))
        .withMethod(method(method))
        .withOptions(options -> options.withMaxSteps(2).withLearningRate(1e-2))
        .withWatch(WatchOptions.quiet())
        .withDevice(Device.CPU);
  }

  private static List<Double> losses(Training training) {
    List<Double> losses = new ArrayList<>();
    training.run(report -> losses.add(report.loss()));
    return losses;
  }

  @SuppressWarnings("unchecked")
  private Map<String, Object> settings(String output) {
    return JsonFile.read(folder.resolve(output).resolve("config.json"), Map.class);
  }

  /** Writes a copy of the file with changed weights and without settings in its header. */
  private Path bare(UnaryOperator<Map<String, Tensor>> change) {
    Path bare = folder.resolve("bare.safetensors");
    try (Scope scope = Scope.open()) {
      Map<String, Tensor> weights = new TreeMap<>(Safetensors.open(file).tensors());
      Safetensors.write(bare, change.apply(weights), Map.of());
    }
    return bare;
  }

  @ParameterizedTest
  @CsvSource({"sd1, lora", "sd1, word", "sd1, full", "sd2, full", "xl, lora", "xl, word"})
  void theLossesAreThoseOfTheDirectory(String family, String method) {
    write(family);
    List<Double> expected = losses(training(directory, method, "directory"));
    assertThat(expected).hasSize(2);
    assertThat(losses(training(file, method, "file"))).isEqualTo(expected);
    assertThat(settings("file")).containsEntry("model", file.toString());
    String card = read("file/README.md");
    assertThat(card).contains("model.safetensors");
    assertThat(card).doesNotContain("base_model");
    if (method.equals("full")) {
      assertThat(losses(training(folder.resolve("file"), "word", "again"))).hasSize(2);
    }
  }

  private String read(String name) {
    try {
      return Files.readString(folder.resolve(name));
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"lora", "word", "full"})
  void aRunGoesOnBitForBit(String method) throws IOException {
    write("sd1");
    List<Double> straight = losses(training(file, method, "straight"));
    UnaryOperator<TrainingOptions> short_ = options -> options.withMaxSteps(1);
    List<Double> parts = losses(training(file, method, "run").withOptions(short_));
    String hash = (String) settings("run").get("model_sha256");
    assertThat(hash).hasLength(64);
    if (method.equals("full")) {
      Files.delete(file); // a checkpoint holds all of the model
    }
    parts.addAll(losses(training(file, method, "run").withResume()));
    assertThat(parts).isEqualTo(straight);
    assertThat(settings("run")).containsEntry("model_sha256", hash);
  }

  @Test
  void anotherFileOfTheSameNameIsRefused() throws IOException {
    write("sd1");
    losses(training(file, "lora", "run").withOptions(options -> options.withMaxSteps(1)));
    Files.move(file, folder.resolve("moved.safetensors"));
    Training on = training(file, "lora", "run").withResume();
    assertThat(assertThrows(SfumatoException.class, on::run))
        .hasMessageThat()
        .contains(file + ": there is no such file");
    convert(folder.resolve("sd1"), LoadingOptions.DEFAULT, file, DType.FLOAT32);
    assertThat(assertThrows(SfumatoException.class, on::run))
        .hasMessageThat()
        .contains("is not the file that the run began with");
    Files.move(folder.resolve("moved.safetensors"), file, StandardCopyOption.REPLACE_EXISTING);
    assertThat(losses(on)).hasSize(1);
  }

  /** Only the keys of a file say what it predicts, unless they were written by this program. */
  @Test
  void thePredictionIsWhatTheCallerSays() {
    write("sd2");
    Path bare = bare(weights -> weights);
    ModelOptions asked = ModelOptions.defaults().withPredictionType(PredictionType.EPSILON);
    LoadingOptions loading = LoadingOptions.DEFAULT.withPredictionType(PredictionType.EPSILON);
    convert(bare, loading, folder.resolve("epsilon"), DType.FLOAT32);
    List<Double> expected = losses(training(folder.resolve("epsilon"), "lora", "a"));
    Training told = training(bare, "lora", "b").withModelOptions(asked);
    assertThat(losses(told)).isEqualTo(expected);
    assertThat(settings("b")).containsEntry("prediction_type", "epsilon");
    assertThat(read("b/README.md")).contains("bare.safetensors --prediction-type epsilon --lora");
    assertThat(losses(training(bare, "lora", "c"))).isNotEqualTo(expected);
    assertThat(settings("c")).containsEntry("prediction_type", "v_prediction");
    assertThat(read("c/README.md"))
        .contains("register_to_config(prediction_type=\"v_prediction\")");
    Training contrary =
        training(file, "lora", "d")
            .withModelOptions(asked.withPredictionType(PredictionType.SAMPLE));
    assertThat(assertThrows(SfumatoException.class, contrary::run))
        .hasMessageThat()
        .contains("`predictionType` sample does not suit the model");
  }

  @Test
  void anotherAutoencoderIsTaken() throws IOException {
    write("sd1");
    Path vae = folder.resolve("vae.safetensors");
    try (Scope scope = Scope.open()) {
      Map<String, Tensor> weights = new TreeMap<>();
      Safetensors.open(file)
          .tensors()
          .forEach(
              (name, weight) -> {
                if (name.startsWith("first_stage_model.")) {
                  weights.put(name, name.contains("quant_conv") ? weight.mul(2) : weight);
                }
              });
      Safetensors.write(vae, weights, Map.of());
    }
    Path converted = folder.resolve("other");
    convert(file, LoadingOptions.DEFAULT.withVae(vae), converted, DType.FLOAT32);
    List<Double> expected = losses(training(converted, "full", "a"));
    ModelOptions with = ModelOptions.defaults().withVae(vae.toString());
    assertThat(losses(training(file, "full", "b").withModelOptions(with))).isEqualTo(expected);
    assertThat(losses(training(directory, "full", "c").withModelOptions(with))).isEqualTo(expected);
    assertThat(losses(training(file, "full", "d"))).isNotEqualTo(expected);
    UnaryOperator<TrainingOptions> more = options -> options.withMaxSteps(3);
    Files.delete(vae); // a checkpoint holds it
    Training on = training(file, "full", "b").withModelOptions(with).withOptions(more);
    assertThat(losses(on.withResume())).hasSize(1);
  }
}
