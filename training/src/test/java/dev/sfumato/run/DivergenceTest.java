package dev.sfumato.run;

import static com.google.common.truth.Truth.assertThat;
import static com.google.common.truth.Truth.assertWithMessage;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.sfumato.SfumatoException;
import dev.sfumato.checkpoint.LoraOptions;
import dev.sfumato.data.BatchOptions;
import dev.sfumato.data.Dataset;
import dev.sfumato.model.ClassConditionedUNet;
import dev.sfumato.model.ClassConditioning;
import dev.sfumato.model.UNet2DConfig;
import dev.sfumato.pipeline.DiffusionPipeline;
import dev.sfumato.pipeline.PixelPipeline;
import dev.sfumato.pipeline.StableDiffusionPipeline;
import dev.sfumato.pipeline.TinyStableDiffusion;
import dev.sfumato.scheduler.SchedulerConfig;
import dev.sfumato.tensor.Precision;
import dev.sfumato.tensor.Rng;
import dev.sfumato.training.Captioned;
import dev.sfumato.training.Ema;
import dev.sfumato.training.Objective;
import dev.sfumato.training.PictureList;
import dev.sfumato.training.SmallUNet;
import dev.sfumato.training.TrainingOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** A run whose loss becomes NaN ends, loses nothing, and says how it can go on. */
class DivergenceTest {
  private static final Dataset CAPTIONED =
      Captioned.random(List.of("a <x>", "a red <x>", "<x>", "a cat", "a <x> rose"), 16, 2);
  private static final Dataset DIGITS = PictureList.random(10, 1, 8, 2, 1);
  private static final int STEPS = 6;
  private static final String NAN = "the loss is (NaN|-?Infinity)";

  @TempDir Path folder;

  // ---- a text-to-image model whose frozen weights go wrong in memory

  private static Method method(String name) {
    return name.equals("lora")
        ? Method.lora(LoraOptions.defaults().withRank(2).withDropout(0.2)).withTextEncoder(true)
        : Method.textualInversion(new Method.Word("<x>", "a", 2));
  }

  /** Trains, and lets the model go wrong after step {@code faulty}; -1: never. */
  private TrainingResult tune(
      Path output, String method, Precision precision, int faulty, UnaryOperator<Training> change) {
    Path model = folder.resolve("model");
    if (!Files.exists(model)) {
      TinyStableDiffusion.write(model, "sd1");
    }
    try (StableDiffusionPipeline pipeline = StableDiffusionPipeline.load(model)) {
      if (faulty == 0) {
        spoil(pipeline);
      }
      Training training =
          Training.of(pipeline, CAPTIONED, output)
              .withMethod(method(method))
              .withOptions(
                  TrainingOptions.defaults()
                      .withMaxSteps(STEPS)
                      .withGradientAccumulationSteps(2)
                      .withLearningRate(1e-2)
                      .withEma(Ema.Settings.DEFAULTS))
              .withObjective(Objective.defaults().withCaptionDropout(0.3))
              .withBatches(new BatchOptions(2, true, true, 5))
              .withPrecision(precision)
              .withWatch(WatchOptions.quiet().withCheckpointEvery(50))
              .withSeed(5);
      return change
          .apply(training)
          .run(
              report -> {
                if (report.step() == faulty) {
                  spoil(pipeline);
                }
              });
    }
  }

  private static void spoil(DiffusionPipeline pipeline) {
    pipeline.network().parameters().get("conv_in.weight").detach().fill_(Double.NaN);
  }

  private static void assertSameEnd(Path actual, Path expected) throws IOException {
    Path end = Path.of("checkpoints/step-000006");
    try (var files = Files.walk(expected.resolve(end))) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        Path name = expected.relativize(file);
        assertWithMessage(name.toString())
            .that(Files.mismatch(actual.resolve(name), file))
            .isEqualTo(-1);
      }
    }
  }

  @ParameterizedTest
  @CsvSource({"lora, FP32", "lora, BF16", "textual-inversion, FP32"})
  void aRunGoesOnFromTheStepThatWasNotTaken(String method, Precision precision) throws IOException {
    Path straight = folder.resolve("straight");
    tune(straight, method, precision, -1, t -> t);
    Path output = folder.resolve("run");
    SfumatoException e =
        assertThrows(SfumatoException.class, () -> tune(output, method, precision, 3, t -> t));
    assertThat(e).hasMessageThat().containsMatch("^step 4: " + NAN);
    assertThat(e)
        .hasMessageThat()
        .contains(
            "; step-000003 holds all before it: if the loss had grown, start anew with `overwrite`"
                + " and a lower `learningRate`, else go on with `resume` and another `seed`");
    assertThat(e.getMessage().contains("`precision` fp32")).isEqualTo(precision == Precision.BF16);
    SfumatoException again =
        assertThrows(
            SfumatoException.class, () -> tune(output, method, precision, 0, Training::withResume));
    assertThat(again).hasMessageThat().isEqualTo(e.getMessage());
    tune(output, method, precision, -1, Training::withResume);
    assertSameEnd(output, straight);
  }

  @Test
  void aLowerRateAndAnotherSeedAreTaken() throws IOException {
    Path output = folder.resolve("run");
    assertThrows(SfumatoException.class, () -> tune(output, "lora", Precision.FP32, 3, t -> t));
    String before = losses(output, 3);
    UnaryOperator<Training> lower = t -> t.withOptions(o -> o.withLearningRate(1e-4)).withResume();
    tune(output, "lora", Precision.FP32, -1, lower);
    String kept = losses(output, 4);
    Path third = output.resolve("checkpoints/step-000003");
    tune(output, "lora", Precision.FP32, -1, t -> t.withResume(third).withSeed(6));
    assertThat(losses(output, 3)).isEqualTo(before);
    assertThat(losses(output, 4)).isNotEqualTo(kept);
    String other = losses(output, STEPS);
    tune(output, "lora", Precision.FP32, -1, t -> t.withResume(third).withSeed(6));
    assertThat(losses(output, STEPS)).isEqualTo(other);
  }

  /** Returns the losses up to a step. */
  private static String losses(Path output, int steps) throws IOException {
    return String.join(
        " ",
        Files.readAllLines(output.resolve("metrics.csv")).subList(1, 1 + steps).stream()
            .map(row -> row.split(",")[3])
            .toList());
  }

  /** No weight has changed, so no lower rate would help. */
  @Test
  void theFirstStepIsNotBlamedOnTheRate() {
    Path output = folder.resolve("run");
    SfumatoException e =
        assertThrows(SfumatoException.class, () -> tune(output, "lora", Precision.BF16, 0, t -> t));
    assertThat(e)
        .hasMessageThat()
        .endsWith(
            "; step-000000 holds all before it: go on with `resume` and another `seed`, which draws"
                + " other noise, or with `precision` fp32");
  }

  // ---- all weights of a model of pixels, at rates that ruin them

  private static void train(Path output, double rate, long steps, int every) {
    UNet2DConfig unet = SmallUNet.config(1);
    ClassConditionedUNet denoiser = new ClassConditionedUNet(unet, ClassConditioning.NONE);
    try (Rng random = new Rng(3);
        PixelPipeline pipeline = new PixelPipeline(denoiser, SchedulerConfig.ddpmDefaults())) {
      denoiser.reset(random);
      Training training =
          Training.of(pipeline, DIGITS, output)
              .withOptions(
                  TrainingOptions.defaults()
                      .withMaxSteps(steps)
                      .withLearningRate(rate)
                      .withMaxGradNorm(0)
                      .withEma(Ema.Settings.DEFAULTS))
              .withBatches(new BatchOptions(4, true, true, 5))
              .withWatch(WatchOptions.quiet().withCheckpointEvery(every).withCheckpointsKeep(1));
      (Files.exists(output) ? training.withResume() : training).run();
    }
  }

  private static String failure(Path output, double rate, long steps, int every) {
    return assertThrows(SfumatoException.class, () -> train(output, rate, steps, every))
        .getMessage();
  }

  /** The state before the step is useless, so the older checkpoint stays, beyond those to keep. */
  @Test
  void theOlderCheckpointStays() throws IOException {
    Path output = folder.resolve("run");
    train(output, 1e-3, 2, 50);
    String message = failure(output, 1e30, STEPS, 50);
    assertThat(message).containsMatch("^step 4: " + NAN);
    assertThat(message)
        .contains(
            "step-000003 holds all before it: if the loss had grown, resume from an earlier"
                + " checkpoint with a lower `learningRate` and `maxGradNorm` 1, else");
    Path second = output.resolve("checkpoints/step-000002");
    assertThat(Files.exists(second.resolve("progress.json"))).isTrue();
    assertThat(Files.exists(output.resolve("checkpoints/step-000003/progress.json"))).isTrue();
    assertThat(failure(output, 1e30, STEPS, 50)).isEqualTo(message);
    List<String> rows = Files.readAllLines(output.resolve("metrics.csv"));
    assertThat(rows).hasSize(1 + 3);
    assertThat(rows.toString()).doesNotContain("NaN");
  }

  /** A checkpoint of weights that are infinite could not be read again. */
  @ParameterizedTest
  @ValueSource(ints = {50, 1})
  void weightsThatAreInfiniteAreNotSaved(int every) throws IOException {
    Path output = folder.resolve("run");
    assertThat(failure(output, 1e39, STEPS, every))
        .endsWith(
            " is not finite any more, so no checkpoint was written: start anew with `overwrite` and"
                + " a lower `learningRate` and `maxGradNorm` 1");
    assertThat(Files.exists(output.resolve("checkpoints"))).isFalse();
    Path good = folder.resolve("good");
    train(good, 1e-3, 2, 50);
    String message = failure(good, 1e39, STEPS, every);
    assertThat(message).containsMatch(every == 1 ? "^step 3 was taken; " : "^step 4: " + NAN);
    assertThat(message)
        .endsWith(
            "no checkpoint was written: `resume` goes on from step-000002; use a lower"
                + " `learningRate` and `maxGradNorm` 1");
    train(good, 1e-3, STEPS, 50);
    assertThat(Files.exists(good.resolve("checkpoints/step-000006"))).isTrue();
  }
}
