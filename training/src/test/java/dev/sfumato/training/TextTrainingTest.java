package dev.sfumato.training;

import static com.google.common.truth.Truth.assertThat;
import static com.google.common.truth.Truth.assertWithMessage;
import static dev.sfumato.tensor.TensorSubject.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.fasterxml.jackson.databind.JsonNode;
import dev.sfumato.SfumatoException;
import dev.sfumato.checkpoint.LoraOptions;
import dev.sfumato.data.BatchOptions;
import dev.sfumato.data.Batches;
import dev.sfumato.data.Dataset;
import dev.sfumato.pipeline.StableDiffusionPipeline;
import dev.sfumato.pipeline.TinyStableDiffusion;
import dev.sfumato.run.Method;
import dev.sfumato.run.Training;
import dev.sfumato.run.TrainingRun;
import dev.sfumato.run.WatchOptions;
import dev.sfumato.sampling.SamplingOptions;
import dev.sfumato.sampling.TextOptions;
import dev.sfumato.tensor.Golden;
import dev.sfumato.tensor.Scope;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Training on captioned pictures, against what PyTorch and diffusers computed. */
class TextTrainingTest {
  private static final Golden GOLDEN = Golden.read("text_training");

  @TempDir Path folder;
  private int models;

  private static Captioned pictures(int side) {
    List<String> captions =
        StreamSupport.stream(GOLDEN.document().get("captions").spliterator(), false)
            .map(JsonNode::textValue)
            .toList();
    return new Captioned(PictureList.random(captions.size(), 3, side, 0, 7), captions);
  }

  private StableDiffusionPipeline model(String family) {
    return StableDiffusionPipeline.load(
        TinyStableDiffusion.write(folder.resolve("model" + models++), family));
  }

  private static Batches batches(Dataset pictures, boolean flip) {
    return new Batches(pictures, new BatchOptions(3, false, flip, 0));
  }

  private static TrainingOptions options() {
    return TrainingOptions.defaults()
        .withMaxSteps(20)
        .withLearningRate(1e-3)
        .withSeed(GOLDEN.document().get("seed").longValue());
  }

  private static List<Double> losses(
      StableDiffusionPipeline pipeline, Objective objective, LatentCache cache, boolean flip) {
    return losses(pipeline, objective, cache, batches(pictures(16), flip));
  }

  private static List<Double> losses(
      StableDiffusionPipeline pipeline, Objective objective, LatentCache cache, Batches batches) {
    List<Double> losses = new ArrayList<>();
    TrainingLoss loss = new DenoisingLoss(pipeline, objective, cache);
    try (Trainer trainer = new Trainer(loss, batches, options())) {
      while (trainer.hasNext()) {
        losses.add(trainer.step().loss());
      }
    }
    return losses;
  }

  @ParameterizedTest
  @CsvSource({
    "epsilon, NONE, 0, false",
    "v_prediction_min_snr, MIN_SNR, 0.1, false",
    "masked, MIN_SNR, 0, true"
  })
  void trainsAsPyTorchDoes(
      String name, Objective.Weighting weighting, double offset, boolean masked) {
    JsonNode golden =
        StreamSupport.stream(GOLDEN.document().get("cases").spliterator(), false)
            .filter(c -> c.get("name").textValue().equals(name))
            .findFirst()
            .orElseThrow();
    Objective objective =
        Objective.defaults()
            .withLossWeighting(weighting)
            .withNoiseOffset(offset)
            .withCaptionDropout(0);
    try (StableDiffusionPipeline pipeline = model(golden.get("family").textValue())) {
      Batches batches = batches(masked ? new Masked(pictures(16)) : pictures(16), false);
      List<Double> losses = losses(pipeline, objective, LatentCache.MEMORY, batches);
      for (int step = 0; step < 20; step++) {
        double expected = golden.at("/losses/" + step).doubleValue();
        assertWithMessage("step " + step).that(losses.get(step)).isWithin(1e-5).of(expected);
      }
    }
  }

  @ParameterizedTest
  @CsvSource({"sd1, false", "sd1_masks, false", "sd1_masks, true"})
  void aCacheChangesNoLoss(String family, boolean masked) {
    Objective objective = Objective.defaults().withCaptionDropout(0.4);
    LatentCache disk = LatentCache.disk(folder.resolve("cache"));
    List<List<Double>> all =
        Stream.of(LatentCache.NONE, LatentCache.MEMORY, disk, disk)
            .map(
                cache -> {
                  try (StableDiffusionPipeline pipeline = model(family)) {
                    Dataset pictures = masked ? new Masked(pictures(16)) : pictures(16);
                    return losses(pipeline, objective, cache, batches(pictures, true));
                  }
                })
            .toList();
    assertThat(all.get(1)).isEqualTo(all.get(0));
    assertThat(all.get(2)).isEqualTo(all.get(0)); // fills the disk
    assertThat(all.get(3)).isEqualTo(all.get(0)); // reads it
  }

  @Test
  void droppedCaptionsLeaveTheNoiseAsItIs() {
    try (StableDiffusionPipeline all = model("sd1");
        StableDiffusionPipeline some = model("sd1")) {
      double kept =
          losses(all, Objective.defaults().withCaptionDropout(0), LatentCache.NONE, false).get(0);
      double dropped =
          losses(some, Objective.defaults().withCaptionDropout(0.99), LatentCache.NONE, false)
              .get(0);
      assertThat(dropped).isNotEqualTo(kept);
      assertThat(dropped).isWithin(0.05 * kept).of(kept); // other texts, but the same noise
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"sd1", "sd1_masks"})
  void aResumedRunIsTheSameBitForBit(String family) {
    Path straight = folder.resolve("straight");
    Path resumed = folder.resolve("resumed");
    try (StableDiffusionPipeline pipeline = model(family)) {
      training(pipeline, straight, 6).run();
    }
    try (StableDiffusionPipeline pipeline = model(family)) {
      training(pipeline, resumed, 4).run();
      training(pipeline, resumed, 6).withResume().run();
    }
    try (Scope scope = Scope.open();
        StableDiffusionPipeline one = StableDiffusionPipeline.load(straight);
        StableDiffusionPipeline other = StableDiffusionPipeline.load(resumed)) {
      one.network()
          .parameters()
          .forEach(
              (name, weight) ->
                  assertWithMessage(name)
                      .that(other.network().parameters().get(name).toFloats())
                      .isEqualTo(weight.toFloats()));
      SamplingOptions options =
          SamplingOptions.defaults()
              .withText(TextOptions.NONE.withPrompts(List.of("a red rose")))
              .withSteps(2);
      assertThat(one.sample(options, (step, x) -> {}))
          .isWithin(0)
          .of(other.sample(options, (step, x) -> {}));
    }
  }

  /** The same parts of the pictures are hidden each time. */
  @Test
  void anInpaintingModelIsMeasuredWithTheSameMasks() {
    try (StableDiffusionPipeline pipeline = model("sd1_masks")) {
      TrainingLoss loss = new DenoisingLoss(pipeline, Objective.defaults(), LatentCache.NONE);
      loss.prepare(pictures(16));
      FixedNoiseLoss measured = new FixedNoiseLoss(pictures(16), loss);
      double first = measured.value(() -> false).orElseThrow();
      assertThat(measured.value(() -> false).orElseThrow()).isEqualTo(first);
    }
  }

  /** The pictures without the LoRA and those with it are each counted from 1. */
  @Test
  void saysHowFarThePicturesOfALoraAre() {
    List<String> drawing = new ArrayList<>();
    try (StableDiffusionPipeline pipeline = model("sd1")) {
      training(pipeline, folder.resolve("lora"), 1)
          .withMethod(Method.lora(LoraOptions.defaults()))
          .run(
              new TrainingRun.Listener() {
                @Override
                public void onTask(String task) {
                  if (task.startsWith("drawing")) {
                    drawing.add(task);
                  }
                }

                @Override
                public void onStep(StepReport report) {}
              });
    }
    String first = "drawing samples, step 1 of 2";
    String last = "drawing samples, step 2 of 2";
    assertThat(drawing).containsExactly(first, last, first, last).inOrder();
  }

  private static Training training(StableDiffusionPipeline pipeline, Path output, int steps) {
    return Training.of(pipeline, pictures(16), output)
        .withOptions(options().withMaxSteps(steps).withEma(Ema.Settings.DEFAULTS))
        .withBatches(new BatchOptions(3, true, true, 0))
        .withWatch(
            WatchOptions.quiet()
                .withSampleCount(1)
                .withSampleSteps(2)
                .withPrompts(List.of("a blue cup", "a cat")));
  }

  @ParameterizedTest
  @CsvSource({
    "lcm, time_cond_proj_dim",
    "refiner, refines pictures of another",
  })
  void otherKindsAreRefusedByName(String family, String why) {
    try (StableDiffusionPipeline pipeline = model(family)) {
      TrainingLoss loss = new DenoisingLoss(pipeline, Objective.defaults(), LatentCache.MEMORY);
      SfumatoException refused =
          assertThrows(SfumatoException.class, () -> loss.prepare(pictures(16)));
      assertThat(refused).hasMessageThat().contains(why);
    }
  }

  @Test
  void picturesWithoutTextsAreRefused() {
    try (StableDiffusionPipeline pipeline = model("sd1")) {
      TrainingLoss loss = new DenoisingLoss(pipeline, Objective.defaults(), LatentCache.MEMORY);
      SfumatoException refused =
          assertThrows(
              SfumatoException.class, () -> loss.prepare(PictureList.random(3, 3, 16, 2, 0)));
      assertThat(refused).hasMessageThat().contains("captionColumn");
      assertThrows(SfumatoException.class, () -> loss.prepare(pictures(15)));
    }
  }
}
