package dev.sfumato.run;

import static com.google.common.truth.Truth.assertThat;

import dev.sfumato.checkpoint.LoraOptions;
import dev.sfumato.data.BatchOptions;
import dev.sfumato.data.Dataset;
import dev.sfumato.nn.AdaptedWeight;
import dev.sfumato.pipeline.StableDiffusionPipeline;
import dev.sfumato.pipeline.TinyStableDiffusion;
import dev.sfumato.tensor.DType;
import dev.sfumato.tensor.Device;
import dev.sfumato.tensor.Precision;
import dev.sfumato.tensor.Tensor;
import dev.sfumato.training.Captioned;
import dev.sfumato.training.TrainingOptions;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** In bfloat16, weights that do not learn are loaded in it: half of the memory, the same losses. */
class FrozenPrecisionTest {
  private static final Dataset CAPTIONED =
      Captioned.random(List.of("a <x>", "a red <x>", "<x>", "a cat", "a <x> rose"), 16, 2);

  @TempDir Path folder;

  private Path model() {
    return TinyStableDiffusion.write(folder.resolve("model"), "sd1");
  }

  private static Method method(String name) {
    return switch (name) {
      case "lora" -> Method.lora(LoraOptions.defaults().withRank(2)).withTextEncoder(true);
      case "textual-inversion" -> Method.textualInversion(new Method.Word("<x>", "a", 2));
      default -> Method.full();
    };
  }

  @ParameterizedTest
  @CsvSource({
    "lora, BF16, BFLOAT16",
    "textual-inversion, BF16, BFLOAT16",
    "full, BF16, FLOAT32",
    "lora, FP32, FLOAT32"
  })
  void theUNetLiesInThePrecisionInWhichItComputes(String name, Precision precision, DType type) {
    TrainedModel trained = TrainedModel.NEW.named(model().toString()).with(method(name));
    try (TrainedModel.Loaded loaded =
        trained.load(Optional.empty(), CAPTIONED, 5, 0, Device.CPU, precision)) {
      Set<DType> types =
          loaded.pipeline().network().adaptedWeights().values().stream()
              .map(AdaptedWeight::parameter)
              .map(Tensor::dtype)
              .collect(Collectors.toSet());
      assertThat(types).containsExactly(type);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"lora", "textual-inversion"})
  void theLossesAreThoseOfFloat32Weights(String name) {
    Path model = model();
    try (StableDiffusionPipeline pipeline = StableDiffusionPipeline.load(model)) {
      Training wide = training(pipeline, name, "wide");
      Training narrow = training(pipeline, name, "narrow").withModel(model.toString());
      List<Double> losses = losses(wide);
      assertThat(losses).hasSize(4);
      assertThat(losses(narrow)).isEqualTo(losses);
    }
  }

  private Training training(StableDiffusionPipeline pipeline, String name, String output) {
    return Training.of(pipeline, CAPTIONED, folder.resolve(output))
        .withMethod(method(name))
        .withOptions(TrainingOptions.defaults().withMaxSteps(4).withLearningRate(1e-2))
        .withBatches(new BatchOptions(2, true, true, 5))
        .withPrecision(Precision.BF16)
        .withDevice(Device.CPU)
        .withWatch(WatchOptions.quiet())
        .withSeed(5);
  }

  private static List<Double> losses(Training training) {
    List<Double> losses = new ArrayList<>();
    training.run(report -> losses.add(report.loss()));
    return losses;
  }
}
