package dev.sfumato.run;

import static com.google.common.truth.Truth.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.sfumato.SfumatoException;
import dev.sfumato.checkpoint.LoraFormat;
import dev.sfumato.checkpoint.LoraOptions;
import dev.sfumato.data.Dataset;
import dev.sfumato.io.JsonFile;
import dev.sfumato.pipeline.LiveLora;
import dev.sfumato.pipeline.LoadingOptions;
import dev.sfumato.pipeline.StableDiffusionPipeline;
import dev.sfumato.pipeline.TinyStableDiffusion;
import dev.sfumato.tensor.Device;
import dev.sfumato.tensor.Rng;
import dev.sfumato.tensor.Safetensors;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import dev.sfumato.training.Captioned;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A run that goes on from a LoRA. */
class ContinuedLoraTest {
  private static final Dataset CAPTIONED =
      Captioned.random(List.of("a rose", "a red cat", "roses"), 16, 2);

  @TempDir Path folder;

  /** Writes a LoRA of kohya's form that changes the model. */
  private Path lora(Path model, LoraOptions options, boolean texts) {
    Path file = folder.resolve("given.safetensors");
    try (Scope scope = Scope.open();
        Rng random = new Rng(5);
        StableDiffusionPipeline pipeline = StableDiffusionPipeline.load(model);
        LiveLora lora = pipeline.newLora(options, texts, 3)) {
      lora.save(file, LoraFormat.KOHYA);
      Map<String, Tensor> tensors = new TreeMap<>(Safetensors.open(file).tensors());
      tensors.replaceAll(
          (name, t) -> name.contains("lora_up") ? random.normal(t.shape()).mul(0.1) : t.copy());
      Safetensors.write(file, tensors, Map.of());
    }
    return file;
  }

  private Training training(StableDiffusionPipeline pipeline, Method method, String output) {
    return Training.of(pipeline, CAPTIONED, folder.resolve(output))
        .withMethod(method)
        .withOptions(options -> options.withMaxSteps(4).withLearningRate(1e-2))
        .withWatch(WatchOptions.quiet())
        .withDevice(Device.CPU);
  }

  private static List<Double> losses(Training training) {
    List<Double> losses = new ArrayList<>();
    training.run(report -> losses.add(report.loss()));
    return losses;
  }

  private static Method from(Path file) {
    return Method.lora(LoraOptions.defaults()).withStart(file.toString());
  }

  @ParameterizedTest
  @CsvSource({"sd1, false", "sd2, true", "xl, true"})
  void theFirstLossIsThatOfTheBaseWithTheLora(String family, boolean texts) throws Exception {
    Path model = TinyStableDiffusion.write(folder.resolve("model"), family);
    LoraOptions shape = LoraOptions.defaults().withRank(3).withAlpha(1.5).withTargets("all");
    Path file = lora(model, shape, texts);
    double expected;
    try (StableDiffusionPipeline merged =
        StableDiffusionPipeline.load(model, LoadingOptions.DEFAULT.withLora(file, 1))) {
      expected = losses(training(merged, Method.full(), "full")).get(0);
    }
    try (StableDiffusionPipeline pipeline = StableDiffusionPipeline.load(model)) {
      double plain = losses(training(pipeline, Method.full(), "plain")).get(0);
      assertThat(Math.abs(plain - expected)).isGreaterThan(1e-3);
    }
    try (StableDiffusionPipeline pipeline = StableDiffusionPipeline.load(model)) {
      List<Double> straight = losses(training(pipeline, from(file), "straight"));
      assertThat(straight.get(0)).isWithin(1e-5).of(expected);
      assertThat(straight.get(3)).isNotWithin(1e-5).of(straight.get(0));
      Training half = training(pipeline, from(file), "run").withOptions(o -> o.withMaxSteps(2));
      List<Double> parts = losses(half);
      Files.delete(file); // a checkpoint holds it
      parts.addAll(losses(training(pipeline, from(file), "run").withResume()));
      assertThat(parts).isEqualTo(straight);
    }
    Map<?, ?> settings = JsonFile.read(folder.resolve("run/config.json"), Map.class);
    assertThat(settings.get("lora")).isEqualTo(file.toString());
    assertThat(settings.get("lora_rank")).isEqualTo(3);
    assertThat(settings.get("lora_alpha")).isEqualTo(1.5);
    assertThat(settings.get("train_text_encoder")).isEqualTo(texts);
    assertThat(Files.readString(folder.resolve("run/README.md"))).contains("rank 3, alpha 1.5, ");
  }

  @Test
  void whatIsContraryIsSaid() {
    Path model = TinyStableDiffusion.write(folder.resolve("model"), "sd1");
    Path file = lora(model, LoraOptions.defaults().withRank(3), false);
    try (StableDiffusionPipeline pipeline = StableDiffusionPipeline.load(model)) {
      Method rank = Method.lora(LoraOptions.defaults().withRank(4)).withStart(file.toString());
      refuses(training(pipeline, rank, "run"), "has rank 3 and alpha 3, not `loraRank` 4");
      Method texts = from(file).withTextEncoder(true);
      refuses(training(pipeline, texts, "run"), "changes no text encoder");
      refuses(training(pipeline, from(folder.resolve("none.safetensors")), "run"), "no such file");
      refuses(training(pipeline, from(model), "run"), "holds no weights");
    }
    assertThat(Files.exists(folder.resolve("run"))).isFalse();
  }

  private static void refuses(Training training, String why) {
    assertThat(assertThrows(SfumatoException.class, training::run)).hasMessageThat().contains(why);
  }
}
