package dev.sfumato.training;

import static com.google.common.truth.Truth.assertThat;

import dev.sfumato.checkpoint.LoraOptions;
import dev.sfumato.data.BatchOptions;
import dev.sfumato.data.Batches;
import dev.sfumato.nn.AdaptedWeight;
import dev.sfumato.pipeline.DiffusionPipeline;
import dev.sfumato.pipeline.LoadingOptions;
import dev.sfumato.pipeline.StableDiffusionPipeline;
import dev.sfumato.pipeline.TinyStableDiffusion;
import dev.sfumato.tensor.DType;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A model from files in half precision learns as one with the same numbers in float32. */
class HalfWeightsTrainingTest {
  @TempDir Path folder;

  @BeforeEach
  void writeModels() {
    Path model = TinyStableDiffusion.write(folder.resolve("model"), "sd1");
    try (StableDiffusionPipeline pipeline = StableDiffusionPipeline.load(model)) {
      pipeline.save(folder.resolve("half"), DType.FLOAT16);
    }
    try (StableDiffusionPipeline pipeline = load("half")) {
      pipeline.save(folder.resolve("wide"), DType.FLOAT32);
    }
  }

  private StableDiffusionPipeline load(String name) {
    return (StableDiffusionPipeline)
        DiffusionPipeline.load(folder.resolve(name), LoadingOptions.DEFAULT.withCompactWeights());
  }

  private static List<Double> losses(StableDiffusionPipeline pipeline) {
    Batches batches =
        new Batches(Captioned.random(6, "a red rose", 16, 7), new BatchOptions(2, false, false, 0));
    TrainingLoss loss = new DenoisingLoss(pipeline, Objective.defaults(), LatentCache.MEMORY);
    TrainingOptions options =
        TrainingOptions.defaults().withMaxSteps(8).withLearningRate(1e-3).withSeed(3);
    List<Double> losses = new ArrayList<>();
    try (Trainer trainer = new Trainer(loss, batches, options)) {
      while (trainer.hasNext()) {
        losses.add(trainer.step().loss());
      }
    }
    return losses;
  }

  private static Set<DType> types(StableDiffusionPipeline pipeline) {
    return pipeline.network().adaptedWeights().values().stream()
        .map(AdaptedWeight::parameter)
        .map(weight -> weight.dtype())
        .collect(Collectors.toSet());
  }

  private static void assertEqual(List<Double> found, List<Double> expected) {
    for (int i = 0; i < expected.size(); i++) {
      assertThat(found.get(i)).isWithin(1e-6).of(expected.get(i));
    }
    assertThat(expected.get(0)).isNotEqualTo(expected.get(expected.size() - 1));
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void aLoraLearnsBesideIt(boolean checkpointing) {
    try (StableDiffusionPipeline half = load("half");
        StableDiffusionPipeline wide = load("wide")) {
      for (StableDiffusionPipeline pipeline : List.of(half, wide)) {
        pipeline.newLora(LoraOptions.defaults().withTargets("all"), true, 9);
        pipeline.checkpointing(checkpointing);
      }
      assertEqual(losses(half), losses(wide));
      assertThat(types(half)).containsExactly(DType.FLOAT16);
    }
  }

  @Test
  void aWholeModelLearnsInFloat32() {
    try (StableDiffusionPipeline half = load("half");
        StableDiffusionPipeline wide = load("wide")) {
      assertEqual(losses(half), losses(wide));
      assertThat(types(half)).containsExactly(DType.FLOAT32);
    }
  }
}
