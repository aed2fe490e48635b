package dev.sfumato.pipeline;

import static com.google.common.truth.Truth.assertThat;
import static dev.sfumato.tensor.TensorSubject.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.fasterxml.jackson.databind.JsonNode;
import dev.sfumato.SfumatoException;
import dev.sfumato.clip.SafetyChecker;
import dev.sfumato.nn.Weights;
import dev.sfumato.sampling.Sampler;
import dev.sfumato.sampling.SamplingOptions;
import dev.sfumato.sampling.TextOptions;
import dev.sfumato.scheduler.SchedulerKind;
import dev.sfumato.scheduler.Step;
import dev.sfumato.tensor.Golden;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.logging.Filter;
import java.util.logging.Logger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Flagged pictures against those of diffusers' {@code StableDiffusionSafetyChecker}. */
class SafetyCheckerTest {
  private static final Golden GOLDEN = Golden.read("safety_checker");
  private static final SamplingOptions FOUR =
      SamplingOptions.defaults()
          .withText(TextOptions.of("a red rose"))
          .withScheduler(SchedulerKind.DDIM)
          .withCount(4)
          .withSize(32, 24)
          .withSteps(6)
          .withSeed(7);

  @TempDir Path folder;

  private Path model() {
    return TinyStableDiffusion.writeChecked(folder.resolve("model"));
  }

  private static List<Integer> flagged() {
    JsonNode flags = GOLDEN.document().get("flags");
    return IntStream.range(0, flags.size())
        .filter(i -> flags.get(i).booleanValue())
        .boxed()
        .toList();
  }

  /** Takes note of the pictures that become black. */
  private static Sampler.Listener noting(List<Integer> black) {
    return new Sampler.Listener() {
      @Override
      public void onStep(Step step, Tensor x) {}

      @Override
      public void onFlagged(int picture) {
        black.add(picture);
      }
    };
  }

  @Test
  void scoresAreThoseOfDiffusers() {
    long before = Scope.liveTensors();
    Path files = model();
    try (Scope scope = Scope.open();
        SafetyChecker checker =
            SafetyChecker.load(
                files, Weights.of(files.resolve("safety_checker/model.safetensors")))) {
      List<SafetyChecker.Verdict> verdicts = checker.check(GOLDEN.tensor("plain").mul(2).sub(1));
      for (int i = 0; i < verdicts.size(); i++) {
        SafetyChecker.Verdict verdict = verdicts.get(i);
        assertThat(numbers(verdict.special())).isWithin(1e-6).of(row("special", i));
        assertThat(numbers(verdict.concepts())).isWithin(1e-6).of(row("concepts", i));
        assertThat(verdict.isFlagged()).isEqualTo(flagged().contains(i));
      }
    }
    assertThat(Scope.liveTensors()).isEqualTo(before);
  }

  private static Tensor numbers(List<Double> scores) {
    float[] values = new float[scores.size()];
    for (int i = 0; i < values.length; i++) {
      values[i] = scores.get(i).floatValue();
    }
    return Tensor.of(values, values.length);
  }

  private static Tensor row(String name, int i) {
    return GOLDEN.tensor(name).select(0, i);
  }

  @Test
  void whatDiffusersMakesBlackIsBlackAndSaidSo() {
    List<Integer> black = new ArrayList<>();
    List<String> said = new ArrayList<>();
    Logger logger = Logger.getLogger(Blackening.class.getName());
    Filter filter = logger.getFilter();
    logger.setFilter(record -> !said.add(record.getMessage()));
    try (Scope scope = Scope.open();
        DiffusionPipeline pipeline = DiffusionPipeline.load(model())) {
      Tensor pictures = pipeline.sample(FOUR, noting(black));
      Tensor expected = GOLDEN.tensor("images").mul(2).sub(1);
      assertThat(pictures.clamp(-1, 1)).isWithin(1e-3).of(expected);
      for (int i : flagged()) {
        assertThat(pictures.select(0, i).add(1).abs().max().item()).isEqualTo(0);
      }
    } finally {
      logger.setFilter(filter);
    }
    assertThat(black).isEqualTo(flagged());
    assertThat(said).hasSize(3);
    assertThat(said.get(0)).startsWith("picture 1 of 4 is black: the model's safety checker");
  }

  @Test
  void aListenerThatFailsLeavesNoPictures() {
    try (DiffusionPipeline pipeline = DiffusionPipeline.load(model())) {
      long before = Scope.liveTensors();
      Sampler.Listener failing = noting(List.of()); // which takes none
      assertThrows(UnsupportedOperationException.class, () -> pipeline.sample(FOUR, failing));
      assertThat(Scope.liveTensors()).isEqualTo(before);
    }
  }

  @Test
  void withoutTheCheckerNothingIsBlack() {
    List<Integer> black = new ArrayList<>();
    try (Scope scope = Scope.open();
        DiffusionPipeline pipeline =
            DiffusionPipeline.load(model(), LoadingOptions.DEFAULT.withoutSafetyChecker())) {
      Tensor pictures = pipeline.sample(FOUR, noting(black));
      assertThat(pictures.clamp(-1, 1)).isWithin(1e-3).of(GOLDEN.tensor("plain").mul(2).sub(1));
    }
    assertThat(black).isEmpty();
  }

  @Test
  void aSavedModelKeepsItsChecker() throws IOException {
    Path copy = folder.resolve("copy");
    try (DiffusionPipeline pipeline = DiffusionPipeline.load(model())) {
      pipeline.save(copy);
    }
    // The names of the files on the Hub, which all versions of transformers read.
    try (Scope scope = Scope.open()) {
      assertThat(Weights.of(copy.resolve("safety_checker/model.safetensors")).tensors())
          .containsKey("vision_model.vision_model.embeddings.class_embedding");
    }
    assertThat(Inspection.of(copy)).contains("safety_checker");
    List<Integer> black = new ArrayList<>();
    try (Scope scope = Scope.open();
        DiffusionPipeline pipeline = DiffusionPipeline.load(copy)) {
      pipeline.sample(FOUR, noting(black));
    }
    assertThat(black).isEqualTo(flagged());
    Files.delete(copy.resolve("safety_checker/config.json"));
    assertThat(assertThrows(SfumatoException.class, () -> DiffusionPipeline.load(copy)))
        .hasMessageThat()
        .contains("safety_checker/config.json");
    Path less = folder.resolve("less");
    try (DiffusionPipeline pipeline =
        DiffusionPipeline.load(copy, LoadingOptions.DEFAULT.withoutSafetyChecker())) {
      pipeline.save(less);
    }
    assertThat(Files.exists(less.resolve("safety_checker"))).isFalse();
    try (DiffusionPipeline pipeline = DiffusionPipeline.load(less)) {
      assertThat(pipeline.pictureChannels()).isEqualTo(3);
    }
  }
}
