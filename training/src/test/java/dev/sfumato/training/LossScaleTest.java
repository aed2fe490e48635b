package dev.sfumato.training;

import static com.google.common.truth.Truth.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.fasterxml.jackson.databind.JsonNode;
import dev.sfumato.SfumatoException;
import dev.sfumato.checkpoint.LoraOptions;
import dev.sfumato.data.Batch;
import dev.sfumato.data.BatchOptions;
import dev.sfumato.data.Batches;
import dev.sfumato.io.JsonFile;
import dev.sfumato.model.ClassConditionedUNet;
import dev.sfumato.model.ClassConditioning;
import dev.sfumato.nn.Linear;
import dev.sfumato.nn.Module;
import dev.sfumato.pipeline.LoadingOptions;
import dev.sfumato.pipeline.StableDiffusionPipeline;
import dev.sfumato.pipeline.TinyStableDiffusion;
import dev.sfumato.scheduler.SchedulerConfig;
import dev.sfumato.tensor.Precision;
import dev.sfumato.tensor.ProcessGroup;
import dev.sfumato.tensor.Ranks;
import dev.sfumato.tensor.Rng;
import dev.sfumato.tensor.Safetensors;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Training in half precision, which is for cards. The engine computes it on the CPU, too; a {@link
 * Trainer} does not refuse that, so these tests need no card.
 */
class LossScaleTest {
  private static final int STEPS = 6;

  @TempDir Path folder;

  /** A loss times a number. */
  private static final class Times implements TrainingLoss {
    private final TrainingLoss loss;
    private double factor;

    Times(ClassConditionedUNet network, double factor) {
      loss = new DenoisingLoss(network, SchedulerConfig.ddpmDefaults(), Objective.defaults());
      this.factor = factor;
    }

    @Override
    public Module network() {
      return loss.network();
    }

    @Override
    public Tensor loss(Batch batch, Draws draws) {
      return loss.loss(batch, draws).mul(factor);
    }
  }

  private static ClassConditionedUNet network(Precision precision) {
    ClassConditionedUNet network =
        new ClassConditionedUNet(SmallUNet.config(1).with("dropout", 0.1), ClassConditioning.NONE);
    try (Rng random = new Rng(3)) {
      network.reset(random);
    }
    network.precision(precision);
    return network;
  }

  private static Trainer trainer(TrainingLoss loss, Optimizer.Rule rule, ProcessGroup processes) {
    return new Trainer(
        loss,
        new Batches(PictureList.random(8, 1, 8, 1, 2), new BatchOptions(4, true, true, 1)),
        TrainingOptions.defaults()
            .withMaxSteps(STEPS)
            .withOptimizer(Optimizer.Settings.of(rule).withEpsilon(1e-14))
            .withLearningRate(1e-2)
            .withMaxGradNorm(0)
            .withSeed(4),
        processes);
  }

  private record End(List<StepReport> reports, int updates) {}

  private static End train(Precision precision, double factor, Optimizer.Rule rule) {
    long before = Scope.liveTensors();
    List<StepReport> reports = new ArrayList<>();
    int[] updates = {0};
    try (ClassConditionedUNet network = network(precision);
        Trainer trainer = trainer(new Times(network, factor), rule, ProcessGroup.alone())) {
      while (trainer.hasNext()) {
        reports.add(trainer.step(gradients -> updates[0]++));
      }
    }
    assertThat(Scope.liveTensors()).isEqualTo(before);
    return new End(reports, updates[0]);
  }

  /** Times 1e-7 most gradients are 0 in half precision; times 1,000 they overflow when scaled. */
  @ParameterizedTest
  @CsvSource({"1, ADAMW", "1e-7, ADAMW", "1e-7, PRODIGY", "1000, ADAMW", "1000, ADAFACTOR"})
  void gradientsNeitherVanishNorOverflow(double factor, Optimizer.Rule rule) {
    End single = train(Precision.FP32, factor, rule);
    End half = train(Precision.FP16, factor, rule);
    assertThat(half.updates()).isEqualTo(single.updates());
    for (int i = 0; i < STEPS; i++) {
      StepReport expected = single.reports().get(i);
      StepReport found = half.reports().get(i);
      assertThat(found.loss()).isNotEqualTo(expected.loss());
      assertThat(found.loss()).isWithin(2e-2 * expected.loss()).of(expected.loss());
      assertThat(found.gradNorm()).isWithin(5e-2 * expected.gradNorm()).of(expected.gradNorm());
      assertThat(found.images()).isEqualTo(expected.images());
    }
  }

  private SavedState saved(Trainer trainer, String name) throws IOException {
    return SavedState.of(trainer, folder.resolve(name));
  }

  /** Once the gradients were too large; then they are so small that the factor moves their bits. */
  @Test
  void aRestoredRunGoesOnWithTheSameFactor() throws IOException {
    try (ClassConditionedUNet network = network(Precision.FP16)) {
      Times loss = new Times(network, 1000);
      SavedState expected;
      SavedState middle;
      Map<String, Tensor> weights;
      try (Scope scope = Scope.open()) {
        try (Trainer straight = trainer(loss, Optimizer.Rule.ADAMW, ProcessGroup.alone())) {
          straight.step();
          middle = saved(straight, "middle");
          loss.factor = 1e-7;
          expected = end(straight, "expected");
        }
        weights = Safetensors.open(middle.folder().resolve("weights.safetensors")).tensors();
        network.parameters().forEach((name, weight) -> weight.detach().copy_(weights.get(name)));
        try (Trainer again = trainer(loss, Optimizer.Rule.ADAMW, ProcessGroup.alone())) {
          again.restore(middle.folder());
          end(again, "again").assertSame(expected);
        }
      }
    }
  }

  private SavedState end(Trainer trainer, String name) throws IOException {
    while (trainer.hasNext()) {
      trainer.step();
    }
    return saved(trainer, name);
  }

  @Test
  void allRanksTakeTheSameFactor() throws Exception {
    List<SavedState> states =
        Ranks.run(
            2,
            group -> {
              try (ClassConditionedUNet network = network(Precision.FP16);
                  Trainer trainer =
                      trainer(new Times(network, 1000), Optimizer.Rule.ADAMW, group)) {
                return end(trainer, "rank-" + group.rank());
              } catch (IOException e) {
                throw new UncheckedIOException(e);
              }
            });
    states.get(0).assertSame(states.get(1));
  }

  /** Gradients that no factor can save, and losses, which none can. */
  @ParameterizedTest
  @ValueSource(doubles = {1e12, Double.NaN, Double.POSITIVE_INFINITY})
  void whatOverflowsUnscaledIsRefused(double factor) throws IOException {
    try (ClassConditionedUNet network = network(Precision.FP16)) {
      Times loss = new Times(network, factor);
      try (Trainer trainer = trainer(loss, Optimizer.Rule.ADAMW, ProcessGroup.alone())) {
        SavedState before = saved(trainer, "before");
        assertThrows(Trainer.NotFinite.class, trainer::step);
        saved(trainer, "refused").assertSame(before);
      }
    }
  }

  /** After 2,000 steps without an overflow it doubles. */
  @Test
  void theFactorGrows() throws IOException {
    try (Linear layer = new Linear(64, 1)) {
      try (Rng random = new Rng(4);
          Scope scope = Scope.open()) {
        layer.load(Map.of("weight", random.normal(1, 64), "bias", random.normal(1)), "random");
      }
      layer.precision(Precision.FP16);
      TrainingLoss loss =
          new TrainingLoss() {
            @Override
            public Module network() {
              return layer;
            }

            @Override
            public Tensor loss(Batch batch, Draws draws) {
              return layer.forward(batch.images().reshape(batch.size(), 64)).square().mean();
            }
          };
      try (Trainer trainer =
          new Trainer(
              loss,
              new Batches(PictureList.random(1, 1, 8, 1, 2), new BatchOptions(1, true, true, 1)),
              TrainingOptions.defaults().withMaxSteps(2001))) {
        for (int i = 0; i < 1999; i++) {
          trainer.step();
        }
        assertThat(factor(saved(trainer, "before"))).isEqualTo(65536.0);
        trainer.step();
        assertThat(factor(saved(trainer, "after"))).isEqualTo(131072.0);
      }
    }
  }

  /** Its U-Net and its text encoder compute in half precision; the two together do not compute. */
  @Test
  void aTextToImageModelHasAFactor() throws IOException {
    Path model = TinyStableDiffusion.write(folder.resolve("model"), "sd1");
    try (StableDiffusionPipeline pipeline =
        StableDiffusionPipeline.load(model, LoadingOptions.DEFAULT.withPrecision(Precision.FP16))) {
      pipeline.newLora(LoraOptions.defaults(), true, 9);
      TrainingLoss loss = new DenoisingLoss(pipeline, Objective.defaults(), LatentCache.MEMORY);
      Batches batches =
          new Batches(
              Captioned.random(6, "a red rose", 16, 7), new BatchOptions(2, false, false, 0));
      try (Trainer trainer = new Trainer(loss, batches, TrainingOptions.defaults())) {
        assertThat(factor(saved(trainer, "lora"))).isEqualTo(65536.0);
      }
    }
  }

  private static double factor(SavedState state) {
    return JsonFile.read(state.progress(), JsonNode.class).at("/loss_scale/factor").doubleValue();
  }

  @ParameterizedTest
  @ValueSource(strings = {"0", "-4", "NaN", "Infinity", "0.5"})
  void aDamagedFactorIsAnError(String factor) throws IOException {
    try (ClassConditionedUNet network = network(Precision.FP16);
        Trainer trainer =
            trainer(new Times(network, 1), Optimizer.Rule.ADAMW, ProcessGroup.alone())) {
      SavedState state = saved(trainer, "state");
      Path progress = state.progress();
      Files.writeString(progress, Files.readString(progress).replace("65536.0", factor));
      assertThat(assertThrows(SfumatoException.class, () -> trainer.restore(state.folder())))
          .hasMessageThat()
          .contains("progress.json");
    }
  }
}
