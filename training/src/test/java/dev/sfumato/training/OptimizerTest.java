package dev.sfumato.training;

import static com.google.common.truth.Truth.assertThat;
import static com.google.common.truth.Truth.assertWithMessage;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.fasterxml.jackson.databind.JsonNode;
import dev.sfumato.InvalidOptionException;
import dev.sfumato.data.Batch;
import dev.sfumato.data.BatchOptions;
import dev.sfumato.data.Batches;
import dev.sfumato.nn.Linear;
import dev.sfumato.nn.Module;
import dev.sfumato.picture.Pixels;
import dev.sfumato.tensor.Golden;
import dev.sfumato.tensor.Safetensors;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Prodigy and Adafactor against prodigyopt and transformers. */
class OptimizerTest {
  private static final JsonNode GOLDEN = Golden.read("optimizers").document();
  private static final int PICTURES = GOLDEN.get("pictures").intValue();
  private static final int PIXELS = GOLDEN.get("pixels").intValue();
  private static final int OUTPUTS = GOLDEN.get("outputs").intValue();
  private static final int STEPS = GOLDEN.get("steps").intValue();

  @TempDir Path folder;

  /** A linear layer that learns waves. */
  private static final class Waves implements TrainingLoss, AutoCloseable {
    private final Linear layer = new Linear(PIXELS, OUTPUTS);
    private final Tensor wanted;

    Waves() {
      try (Scope scope = Scope.open()) {
        Tensor weight = table(OUTPUTS, PIXELS, (k, j) -> Math.cos(k + 5 * j) / 1000);
        layer.load(Map.of("weight", weight, "bias", Tensor.zeros(OUTPUTS)), "waves");
        wanted = scope.keep(table(PICTURES, OUTPUTS, (i, k) -> Math.sin(3 * i + 2 * k)));
      }
    }

    @Override
    public Module network() {
      return layer;
    }

    @Override
    public Tensor loss(Batch batch, Draws draws) {
      Tensor out = layer.forward(batch.images().reshape(PICTURES, PIXELS));
      return out.sub(wanted).square().mean();
    }

    @Override
    public void close() {
      layer.close();
    }
  }

  private interface Rule {
    double at(int row, int column);
  }

  private static Tensor table(int rows, int columns, Rule rule) {
    float[] all = new float[rows * columns];
    for (int i = 0; i < all.length; i++) {
      all[i] = (float) rule.at(i / columns, i % columns);
    }
    return Tensor.of(all, rows, columns);
  }

  private static PictureList pictures() {
    List<Pixels> pictures = new ArrayList<>();
    int side = (int) Math.sqrt(PIXELS);
    for (int i = 0; i < PICTURES; i++) {
      byte[] bytes = new byte[PIXELS];
      for (int j = 0; j < PIXELS; j++) {
        bytes[j] = (byte) (37 * i + 101 * j + 13 * i * j);
      }
      pictures.add(new Pixels(1, side, side, bytes));
    }
    return new PictureList(pictures, 1);
  }

  private static JsonNode golden(String name) {
    for (JsonNode one : GOLDEN.get("cases")) {
      if (one.get("name").textValue().equals(name)) {
        return one;
      }
    }
    throw new AssertionError(name);
  }

  private static Trainer trainer(Waves waves, JsonNode options) {
    Optimizer.Rule rule =
        Optimizer.Rule.valueOf(options.get("optimizer").textValue().toUpperCase(Locale.ROOT));
    TrainingOptions asked =
        TrainingOptions.defaults()
            .withMaxSteps(STEPS)
            .withOptimizer(
                Optimizer.Settings.of(rule)
                    .withBetas(
                        options.at("/betas/0").doubleValue(), options.at("/betas/1").doubleValue())
                    .withWeightDecay(options.get("weight_decay").doubleValue()))
            .withLearningRateCurve(
                LearningRate.Kind.parse(options.get("lr_scheduler").textValue()),
                options.path("warmup").asInt(0),
                LearningRate.Shape.USUAL)
            .withMaxGradNorm(options.get("max_grad_norm").doubleValue());
    double rate = options.get("learning_rate").doubleValue();
    return new Trainer(
        waves,
        new Batches(pictures(), new BatchOptions(PICTURES, false, false, 0)),
        rate == 1 ? asked : asked.withLearningRate(rate)); // 1 is the usual one
  }

  @ParameterizedTest
  @ValueSource(strings = {"prodigy", "prodigy_clipped", "prodigy_warmed_up", "adafactor"})
  void learnsAsPythonDoes(String name) {
    JsonNode golden = golden(name);
    long before = Scope.liveTensors();
    try (Scope scope = Scope.open();
        Waves waves = new Waves();
        Trainer trainer = trainer(waves, golden.get("options"))) {
      for (int i = 0; i < STEPS; i++) {
        double loss = golden.at("/losses/" + i).doubleValue();
        double rate = golden.at("/rates/" + i).doubleValue();
        StepReport report = trainer.step();
        assertWithMessage("step " + i).that(report.loss()).isWithin(2e-5 * loss).of(loss);
        assertWithMessage("step " + i).that(report.learningRate()).isWithin(1e-4 * rate).of(rate);
      }
      float[] weight = waves.layer.parameters().get("weight").detach().toFloats();
      for (int i = 0; i < weight.length; i++) {
        double expected = golden.at("/weight/" + i).doubleValue();
        assertThat((double) weight[i]).isWithin(2e-4).of(expected);
      }
      waves.wanted.close();
    }
    assertThat(Scope.liveTensors()).isEqualTo(before);
  }

  @ParameterizedTest
  @ValueSource(strings = {"prodigy", "adafactor"})
  void goesOnBitForBit(String name) throws IOException {
    JsonNode options = golden(name).get("options");
    try (Scope scope = Scope.open();
        Waves waves = new Waves();
        Waves others = new Waves();
        Trainer straight = trainer(waves, options);
        Trainer resumed = trainer(others, options)) {
      IntStream.range(0, 60).forEach(i -> straight.step());
      Path checkpoint = Files.createDirectory(folder.resolve("checkpoint"));
      straight.save(checkpoint);
      Path weights = folder.resolve("weights.safetensors");
      Safetensors.write(weights, waves.layer.parameters(), Map.of());
      others.layer.load(Safetensors.open(weights).tensors(), "weights");
      resumed.restore(checkpoint);
      while (straight.hasNext()) {
        StepReport expected = straight.step();
        StepReport actual = resumed.step();
        assertThat(actual.loss()).isEqualTo(expected.loss());
        assertThat(actual.learningRate()).isEqualTo(expected.learningRate());
      }
    }
  }

  @Test
  void prodigyHasOneRateForAllWeights() {
    TrainingOptions prodigy =
        TrainingOptions.fineTuning().withOptimizer(Optimizer.Settings.prodigy());
    assertThat(prodigy.learningRate().base()).isEqualTo(1);
    assertThat(prodigy.withUsualLearningRate(1e-4).learningRate().base()).isEqualTo(1);
    assertThat(prodigy.withLearningRate(0.5).learningRate().base()).isEqualTo(0.5);
    assertThrows(InvalidOptionException.class, () -> prodigy.withTextEncoderLearningRate(1e-5));
  }
}
