package dev.sfumato.training;

import static com.google.common.truth.Truth.assertThat;
import static com.google.common.truth.Truth.assertWithMessage;
import static dev.sfumato.tensor.TensorSubject.assertThat;

import dev.sfumato.data.BatchOptions;
import dev.sfumato.data.Batches;
import dev.sfumato.model.ClassConditionedUNet;
import dev.sfumato.model.ClassConditioning;
import dev.sfumato.model.UNet2DConfig;
import dev.sfumato.scheduler.SchedulerConfig;
import dev.sfumato.tensor.ProcessGroup;
import dev.sfumato.tensor.Ranks;
import dev.sfumato.tensor.Rng;
import dev.sfumato.tensor.Safetensors;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Several ranks give the losses and weights of one process with the same batches: an accumulation
 * window of one batch at the end of each epoch, which has two pictures where others have four.
 */
class DataParallelTest {
  private static final int IMAGES = 10;
  private static final int BATCH = 4;
  private static final int STEPS = 7;

  @TempDir Path folder;

  /** The results of a run. */
  private record End(List<StepReport> reports, Map<String, Tensor> state) {}

  /** Of three ranks, the first gets nothing of a batch of two. */
  @ParameterizedTest
  @ValueSource(ints = {2, 3})
  void ranksTrainAsOne(int ranks) throws Exception {
    long before = Scope.liveTensors();
    try (Scope scope = Scope.open()) {
      End one = train(ProcessGroup.alone(), 0, STEPS, 1);
      for (End rank : Ranks.run(ranks, group -> train(group, 0, STEPS, 1 + group.rank()))) {
        compare(rank, one);
        close(rank);
      }
      close(one);
    }
    assertThat(Scope.liveTensors()).isEqualTo(before);
  }

  @Test
  void runsGoOnWithAnotherNumberOfRanks() throws Exception {
    try (Scope scope = Scope.open()) {
      End one = train(ProcessGroup.alone(), 0, STEPS, 1);
      Ranks.run(2, group -> train(group, 0, 3, 1)).forEach(DataParallelTest::close);
      End rest = train(ProcessGroup.alone(), 3, STEPS, 1);
      compare(rest, new End(one.reports().subList(3, STEPS), one.state()));
      close(rest);
      close(one);
    }
  }

  @Test
  void ranksThatDifferAreRefused() throws Exception {
    List<Optional<String>> errors =
        Ranks.run(
            2,
            group -> {
              try (ClassConditionedUNet denoiser = network(1)) {
                TrainingOptions options = options(STEPS + group.rank());
                return Ranks.error(() -> trainer(denoiser, options, group).close());
              } finally {
                group.barrier();
              }
            });
    assertThat(errors.get(0).orElseThrow()).contains("the same options and data");
    assertThat(errors.get(1)).isEqualTo(errors.get(0));
  }

  /** The second rank has other weights, as after a failed transfer. */
  @Test
  void aTrainerThatIsRefusedLateFreesItsState() throws Exception {
    long before = Scope.liveTensors();
    List<Optional<String>> errors =
        Ranks.run(
            2,
            group -> {
              try (ClassConditionedUNet denoiser = network(1)) {
                return Ranks.error(
                    group.isFirst()
                        ? () -> trainer(denoiser, options(STEPS), group).close()
                        : () -> disagree(denoiser, group));
              } finally {
                group.barrier();
              }
            });
    assertThat(errors.get(0).orElseThrow()).contains("the same weights");
    assertThat(Scope.liveTensors()).isEqualTo(before);
  }

  /** Takes a trainer's part in its start, except for the last answer. */
  private static void disagree(ClassConditionedUNet denoiser, ProcessGroup group) {
    TrainingLoss loss = loss(denoiser);
    new Agreement(group).onCall(batches(), options(STEPS), loss);
    group.broadcast_(List.copyOf(denoiser.parameters().values()));
    group.requireSame("other weights", "the processes do not have the same weights");
  }

  private static void compare(End actual, End expected) {
    assertThat(actual.reports()).hasSize(expected.reports().size());
    for (int i = 0; i < actual.reports().size(); i++) {
      StepReport a = actual.reports().get(i);
      StepReport e = expected.reports().get(i);
      assertWithMessage("loss of step " + e.step()).that(a.loss()).isWithin(1e-5).of(e.loss());
      assertThat(a.gradNorm()).isWithin(1e-4).of(e.gradNorm());
      assertThat(a.images()).isEqualTo(e.images());
    }
    expected
        .state()
        .forEach((name, tensor) -> assertThat(actual.state().get(name)).isWithin(1e-4).of(tensor));
  }

  private static void close(End end) {
    end.state().values().forEach(Tensor::close);
  }

  /** Trains the steps after {@code from} of a run, saving and restoring in {@link #folder}. */
  private End train(ProcessGroup group, int from, int until, long seed) {
    try (Scope scope = Scope.open();
        ClassConditionedUNet denoiser = network(seed);
        Trainer trainer = trainer(denoiser, options(STEPS), group)) {
      if (from > 0) {
        denoiser.load(Safetensors.open(folder.resolve("w")).tensors(), "w");
        trainer.restore(folder);
      }
      List<StepReport> reports = new ArrayList<>();
      for (int i = from; i < until; i++) {
        reports.add(trainer.step());
      }
      if (group.isFirst()) {
        trainer.save(folder);
        Safetensors.write(folder.resolve("w"), denoiser.parameters(), Map.of());
      }
      Map<String, Tensor> state = new HashMap<>();
      denoiser.parameters().forEach((name, t) -> state.put(name, Scope.release(t.detach().copy())));
      trainer
          .ema()
          .orElseThrow()
          .shadow()
          .forEach((name, t) -> state.put("ema." + name, Scope.release(t.copy())));
      group.barrier();
      return new End(reports, state);
    }
  }

  private static Trainer trainer(
      ClassConditionedUNet denoiser, TrainingOptions options, ProcessGroup group) {
    return new Trainer(loss(denoiser), batches(), options, group);
  }

  private static TrainingLoss loss(ClassConditionedUNet denoiser) {
    return new DenoisingLoss(
        denoiser,
        SchedulerConfig.ddpmDefaults().withTrainTimesteps(50),
        Objective.defaults()
            .withLossWeighting(Objective.Weighting.MIN_SNR)
            .withNoiseOffset(0.1)
            .withClassDropout(0.3));
  }

  private static Batches batches() {
    return new Batches(
        PictureList.random(IMAGES, 1, 8, 2, 7), new BatchOptions(BATCH, true, true, 5));
  }

  private static TrainingOptions options(int steps) {
    return TrainingOptions.defaults()
        .withMaxSteps(steps)
        .withGradientAccumulationSteps(2)
        .withOptimizer(Optimizer.Settings.adamW().withEpsilon(1e-3)) // a large one damps rounding
        .withLearningRate(new LearningRate(LearningRate.Kind.COSINE, 1e-3, 2))
        .withMaxGradNorm(0.5)
        .withEma(Ema.Settings.DEFAULTS)
        .withSeed(5);
  }

  private static ClassConditionedUNet network(long seed) {
    UNet2DConfig unet = SmallUNet.config(1 + 3);
    ClassConditionedUNet denoiser =
        new ClassConditionedUNet(
            unet, new ClassConditioning(ClassConditioning.Type.CHANNELS, 2, 3));
    try (Rng random = new Rng(seed)) {
      denoiser.reset(random);
    }
    return denoiser;
  }
}
