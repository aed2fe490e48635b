package dev.sfumato.training;

import static com.google.common.truth.Truth.assertThat;
import static com.google.common.truth.Truth.assertWithMessage;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.BooleanNode;
import dev.sfumato.SfumatoException;
import dev.sfumato.data.BatchOptions;
import dev.sfumato.data.Bucketing;
import dev.sfumato.data.DataOptions;
import dev.sfumato.data.Drawn;
import dev.sfumato.data.Survey;
import dev.sfumato.io.JsonFile;
import dev.sfumato.pipeline.TinyStableDiffusion;
import dev.sfumato.run.Method;
import dev.sfumato.run.Training;
import dev.sfumato.run.TrainingRun;
import dev.sfumato.run.WatchOptions;
import dev.sfumato.tensor.ProcessGroup;
import dev.sfumato.tensor.Ranks;
import dev.sfumato.tensor.Safetensors;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Training on pictures of several shapes. */
class BucketTrainingTest {
  private static final String WEIGHTS = "unet/diffusion_pytorch_model.safetensors";

  @TempDir Path folder;
  private Path model;
  private Path data;

  @BeforeEach
  void write() throws IOException {
    model = TinyStableDiffusion.write(folder.resolve("model"), "sd1");
    data = folder.resolve("data");
    int[][] shapes = {{16, 16}, {40, 20}, {20, 40}, {40, 20}, {16, 16}, {40, 20}, {18, 16}};
    for (int i = 0; i < shapes.length; i++) {
      Drawn.captioned(data.resolve(i + ".png"), shapes[i][0], shapes[i][1], i);
    }
  }

  private Training training(Path output, int steps) {
    return Training.fineTuning(model.toString(), data.toString(), output)
        .withMethod(Method.full())
        .withPictures(DataOptions.defaults().withResolution(16))
        .withBatches(new BatchOptions(2, true, true, 0))
        .withOptions(
            TrainingOptions.fineTuning().withMaxSteps(steps).withGradientAccumulationSteps(1))
        .withWatch(WatchOptions.quiet());
  }

  private static void assertSameWeights(Path one, Path other, double within) {
    try (Scope scope = Scope.open()) {
      Map<String, Tensor> weights = Safetensors.open(one.resolve(WEIGHTS)).tensors();
      Map<String, Tensor> others = Safetensors.open(other.resolve(WEIGHTS)).tensors();
      weights.forEach(
          (name, tensor) ->
              assertWithMessage(name)
                  .that(others.get(name).sub(tensor).abs().max().item())
                  .isAtMost(within));
    }
  }

  @Test
  void aRunResumedWithinAnEpochIsTheSameBitForBit() {
    Path straight = folder.resolve("straight");
    Path resumed = folder.resolve("resumed");
    LatentCache disk = LatentCache.disk(folder.resolve("cache"));
    training(straight, 7).run();
    training(resumed, 3).withLatentCache(disk).run(); // an epoch has 5 batches
    training(resumed, 7).withLatentCache(disk).withResume().run();
    assertSameWeights(straight, resumed, 0);
    assertThat(JsonFile.read(straight.resolve("config.json"), JsonNode.class).get("buckets"))
        .isEqualTo(BooleanNode.TRUE);
  }

  /** Their pixels are the same bytes, but not their latents. */
  @Test
  void plainPicturesOfSeveralShapesAreKeptApart() throws IOException {
    for (int i = 0; i < 3; i++) {
      Drawn.columns(
          data.resolve(i + ".png"),
          i == 1 ? 32 : i == 2 ? 8 : 16,
          i == 2 ? 32 : i == 1 ? 8 : 16,
          x -> 255);
    }
    Path kept = folder.resolve("kept");
    Path anew = folder.resolve("anew");
    training(kept, 7).run();
    training(anew, 7).withLatentCache(LatentCache.NONE).run();
    assertSameWeights(kept, anew, 0);
  }

  @Test
  void otherBatchesWithinAnEpochAreRefused() throws IOException {
    Path run = folder.resolve("run");
    training(run, 3).run();
    DataOptions options = DataOptions.defaults().withResolution(16);
    Training squares =
        training(run, 7)
            .withPictures(options.withTexts(options.texts().withBuckets(Bucketing.OFF)))
            .withResume();
    assertThat(assertThrows(SfumatoException.class, () -> squares.run()).getMessage())
        .contains("within an epoch of 5 batches, now it has 4: go on with the same `data` and");
  }

  @Test
  void processesTrainAsOneDoes() throws Exception {
    Path one = folder.resolve("one");
    Path two = folder.resolve("two");
    training(one, 6).withBatches(new BatchOptions(2, true, true, 0)).run();
    Training half = training(two, 6).withBatches(new BatchOptions(1, true, true, 0));
    Ranks.run(2, (ProcessGroup group) -> half.run(group, report -> {}));
    assertSameWeights(one, two, 1e-5);
  }

  @Test
  void theSurveyComesBeforeTheFirstStep() {
    List<String> told = new ArrayList<>();
    training(folder.resolve("run"), 1)
        .run(
            new TrainingRun.Listener() {
              @Override
              public void onStep(StepReport report) {
                told.add("step");
              }

              @Override
              public void onSurvey(Survey survey, int batchSize) {
                told.addAll(survey.lines(batchSize));
              }
            });
    assertThat(told.get(0)).startsWith("7 pictures, from 16 x 16 to 40 x 20 pixels");
    assertThat(told.get(2)).startsWith("buckets: 3 (");
    assertThat(told.get(2)).contains("1 with fewer pictures than a batch of 2");
    assertThat(told.get(told.size() - 1)).isEqualTo("step");
  }

  @Test
  void bucketsOfAModelWithoutTextsAreRefused() throws IOException {
    DataOptions options = DataOptions.defaults().withResolution(16);
    Training training =
        Training.fromScratch(data.toString(), folder.resolve("run"))
            .withPictures(options.withTexts(options.texts().withBuckets(Bucketing.ON)));
    String message = assertThrows(SfumatoException.class, () -> training.run()).getMessage();
    assertThat(message).contains("`buckets` needs a text-to-image model");
    assertThat(Files.exists(folder.resolve("run"))).isFalse();
  }
}
