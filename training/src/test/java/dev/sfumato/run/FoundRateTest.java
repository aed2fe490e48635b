package dev.sfumato.run;

import static com.google.common.truth.Truth.assertThat;

import dev.sfumato.checkpoint.LoraOptions;
import dev.sfumato.data.Dataset;
import dev.sfumato.pipeline.StableDiffusionPipeline;
import dev.sfumato.pipeline.TinyStableDiffusion;
import dev.sfumato.training.Captioned;
import dev.sfumato.training.Optimizer;
import dev.sfumato.training.StepReport;
import dev.sfumato.training.TrainingOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A run whose optimiser finds the learning rate tells which. */
class FoundRateTest {
  private static final Dataset PICTURES =
      Captioned.random(List.of("a rose", "a red rose", "a cat", "a hat"), 16, 2);

  @TempDir Path folder;

  private String card(TrainingOptions options, List<StepReport> reports) throws IOException {
    Path model = folder.resolve("model");
    TinyStableDiffusion.write(model, "sd1");
    Path run = folder.resolve("run");
    try (StableDiffusionPipeline pipeline = StableDiffusionPipeline.load(model)) {
      Training.of(pipeline, PICTURES, run)
          .withMethod(Method.lora(LoraOptions.defaults().withRank(2)))
          .withOptions(options.withMaxSteps(2))
          .withWatch(WatchOptions.quiet())
          .run(reports::add);
    }
    return Files.readString(run.resolve("README.md"));
  }

  @Test
  void theCardHasTheRateOfTheLastStep() throws IOException {
    List<StepReport> reports = new ArrayList<>();
    TrainingOptions prodigy =
        TrainingOptions.defaults().withOptimizer(Optimizer.Settings.prodigy());
    assertThat(card(prodigy, reports))
        .contains("| learning rate | 1e-6 at the end, found by prodigy, constant |");
    assertThat(reports.get(1).learningRate()).isEqualTo(1e-6);
  }

  @Test
  void aMultipleIsTold() throws IOException {
    TrainingOptions twice =
        TrainingOptions.defaults().withOptimizer(Optimizer.Settings.prodigy()).withLearningRate(2);
    assertThat(card(twice, new ArrayList<>()))
        .contains("| learning rate | 2e-6 at the end, found by prodigy times 2, constant |");
  }
}
