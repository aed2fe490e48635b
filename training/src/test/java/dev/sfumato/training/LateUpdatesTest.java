package dev.sfumato.training;

import static com.google.common.truth.Truth.assertThat;
import static com.google.common.truth.Truth.assertWithMessage;

import dev.sfumato.data.BatchOptions;
import dev.sfumato.data.Batches;
import dev.sfumato.model.ClassConditionedUNet;
import dev.sfumato.model.ClassConditioning;
import dev.sfumato.model.UNet2DConfig;
import dev.sfumato.scheduler.SchedulerConfig;
import dev.sfumato.tensor.Autograd;
import dev.sfumato.tensor.Rng;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Training with gradient checkpointing, in which wide blocks get their gradients after all others.
 */
class LateUpdatesTest {
  private static final int STEPS = 2;

  /**
   * The reports and weights of a run, and the names of the weights in each call before an update.
   */
  private record End(
      List<StepReport> reports, List<Set<String>> parts, Map<String, Tensor> weights) {}

  private static ClassConditionedUNet network() {
    UNet2DConfig config =
        SmallUNet.config(1)
            .with("block_out_channels", List.of(32, 512))
            .with("norm_num_groups", 32)
            .with("down_block_types", List.of("DownBlock2D", "AttnDownBlock2D"))
            .with("up_block_types", List.of("AttnUpBlock2D", "UpBlock2D"))
            .with("dropout", 0.1);
    ClassConditionedUNet network = new ClassConditionedUNet(config, ClassConditioning.NONE);
    try (Rng random = new Rng(3)) {
      network.reset(random);
    }
    return network;
  }

  private static Trainer trainer(ClassConditionedUNet network, int batches, Optimizer.Rule rule) {
    return new Trainer(
        new DenoisingLoss(network, SchedulerConfig.ddpmDefaults(), Objective.defaults()),
        new Batches(PictureList.random(8, 1, 8, 1, 2), new BatchOptions(4, true, true, 1)),
        TrainingOptions.defaults()
            .withMaxSteps(STEPS)
            .withGradientAccumulationSteps(batches)
            .withOptimizer(
                Optimizer.Settings.of(rule).withEpsilon(1e-3)) // a large one damps rounding
            .withLearningRate(rule == Optimizer.Rule.PRODIGY ? 1e3 : 1e-3) // times its first 1e-6
            .withMaxGradNorm(0.01) // every step is clipped
            .withSeed(4));
  }

  private static End train(boolean checkpointing, int batches, Optimizer.Rule rule) {
    try (ClassConditionedUNet network = network()) {
      network.checkpointing(checkpointing);
      List<StepReport> reports = new ArrayList<>();
      List<Set<String>> parts = new ArrayList<>();
      Map<String, Tensor> weights = new LinkedHashMap<>();
      try (Trainer trainer = trainer(network, batches, rule)) {
        while (trainer.hasNext()) {
          reports.add(
              trainer.step(
                  gradients -> {
                    parts.add(Set.copyOf(gradients.keySet()));
                    for (String name : gradients.keySet()) {
                      Tensor weight = network.parameters().get(name);
                      assertThat(Autograd.gathered(weight)).isPresent();
                    }
                  }));
        }
      }
      network.parameters().forEach((name, w) -> weights.put(name, w.detach().copy()));
      return new End(reports, parts, weights);
    }
  }

  @ParameterizedTest
  @CsvSource({"1, ADAMW", "2, ADAMW", "1, PRODIGY", "1, ADAFACTOR"})
  void learnAsThoseOfAllWeightsAtOnce(int batches, Optimizer.Rule rule) {
    long before = Scope.liveTensors();
    try (Scope scope = Scope.open()) {
      End plain = train(false, batches, rule);
      End late = train(true, batches, rule);
      assertThat(plain.parts).hasSize(STEPS);
      assertThat(late.parts.size()).isAtLeast(4 * STEPS);
      List<String> told = late.parts.stream().flatMap(Set::stream).toList();
      assertThat(told).hasSize(STEPS * plain.weights.size()); // each once in each step
      assertThat(told.stream().collect(Collectors.toSet())).isEqualTo(plain.parts.get(0));
      for (int i = 0; i < STEPS; i++) {
        StepReport expected = plain.reports.get(i);
        StepReport actual = late.reports.get(i);
        assertThat(actual.loss()).isWithin(1e-6).of(expected.loss());
        assertThat(actual.gradNorm()).isWithin(1e-6 * expected.gradNorm()).of(expected.gradNorm());
      }
      if (rule != Optimizer.Rule.ADAFACTOR) { // which takes whole steps where all is rounding
        plain.weights.forEach(
            (name, weight) ->
                assertWithMessage(name)
                    .that(late.weights.get(name).sub(weight).abs().max().item())
                    .isAtMost(1e-6));
      }
    }
    assertThat(Scope.liveTensors()).isEqualTo(before);
  }
}
