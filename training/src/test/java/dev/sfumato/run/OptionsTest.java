package dev.sfumato.run;

import static com.google.common.truth.Truth.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.sfumato.InvalidOptionException;
import dev.sfumato.data.BatchOptions;
import dev.sfumato.data.DataOptions;
import dev.sfumato.sampling.SamplingOptions;
import dev.sfumato.sampling.TextOptions;
import dev.sfumato.scheduler.RunOptions;
import dev.sfumato.training.Ema;
import dev.sfumato.training.Objective;
import dev.sfumato.training.Optimizer;
import dev.sfumato.training.TrainingOptions;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

/** An option out of its range is one kind of error, whose message names the option. */
class OptionsTest {
  @Test
  void rangesAreChecked() {
    TrainingOptions training = TrainingOptions.defaults();
    Map<String, Executable> wrong =
        Map.ofEntries(
            Map.entry("epochs", () -> training.withEpochs(-1)),
            Map.entry("maxGradNorm", () -> training.withMaxGradNorm(Double.NaN)),
            Map.entry("learningRate", () -> training.withLearningRate(0)),
            Map.entry("adamBeta1", () -> Optimizer.Settings.adamW().withBetas(1, 0.9)),
            Map.entry("emaDecay", () -> new Ema.Settings(Ema.Formula.POWER, 1, 0.75, 1)),
            Map.entry("snrGamma", () -> Objective.defaults().withSnrGamma(0)),
            Map.entry("batchSize", () -> BatchOptions.defaults().withBatchSize(0)),
            Map.entry("resolution", () -> DataOptions.defaults().withResolution(-1)),
            Map.entry("sampleSteps", () -> WatchOptions.defaults().withSampleSteps(0)),
            Map.entry("steps", () -> SamplingOptions.defaults().withSteps(0)),
            Map.entry("strength", () -> SamplingOptions.defaults().withStrength(Double.NaN)),
            Map.entry("eta", () -> RunOptions.defaults().withEta(2)),
            Map.entry("clipSkip", () -> TextOptions.of("a rose").withClipSkip(-1)),
            Map.entry("cropTop", () -> TextOptions.of("a rose").withCrop(-1, 0)));
    wrong.forEach(
        (option, call) ->
            assertThat(assertThrows(InvalidOptionException.class, call).getMessage())
                .contains("`" + option + "`"));
  }
}
