package dev.sfumato.training;

import static com.google.common.truth.Truth.assertThat;
import static dev.sfumato.tensor.TensorSubject.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.sfumato.SfumatoException;
import dev.sfumato.data.Batch;
import dev.sfumato.data.BatchOptions;
import dev.sfumato.data.Batches;
import dev.sfumato.data.Dataset;
import dev.sfumato.data.DatasetView;
import dev.sfumato.model.ClassConditionedUNet;
import dev.sfumato.model.ClassConditioning;
import dev.sfumato.model.Condition;
import dev.sfumato.model.UNet2DConfig;
import dev.sfumato.nn.Linear;
import dev.sfumato.nn.Module;
import dev.sfumato.picture.Pixels;
import dev.sfumato.scheduler.SchedulerConfig;
import dev.sfumato.tensor.ProcessGroup;
import dev.sfumato.tensor.Ranks;
import dev.sfumato.tensor.Rng;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** A step whose loss or gradient is not finite leaves everything as it was before it. */
class RefusedStepTest {
  private static final Dataset PICTURES = PictureList.random(10, 1, 8, 1, 3);
  private static final int STEPS = 6;

  @TempDir Path folder;

  /** The ways in which a step goes wrong. */
  private enum Fault {
    NAN(Double.NaN, 1),
    INFINITE_LOSS_WITH_A_GOOD_GRADIENT(Double.POSITIVE_INFINITY, 1),
    INFINITE_GRADIENT_WITH_A_GOOD_LOSS(0, Double.POSITIVE_INFINITY);

    private final double added;
    private final double slope;

    Fault(double added, double slope) {
      this.added = added;
      this.slope = slope;
    }

    Tensor in(Tensor loss) {
      Tensor same = slope == 1 ? loss : loss.sub(loss.detach()).mul(1e30).mul(1e30);
      return same.add(added);
    }
  }

  /** A layer that predicts noise, whose loss goes wrong at one of its batches. */
  private static final class Layer implements TrainingLoss, AutoCloseable {
    private final Linear layer = new Linear(64, 3);
    private final int faulty;
    private final Fault fault;
    private int batches;

    Layer(int faulty, Fault fault) {
      this.faulty = faulty;
      this.fault = fault;
      try (Scope scope = Scope.open();
          Rng random = new Rng(4)) {
        layer.load(Map.of("weight", random.normal(3, 64), "bias", random.normal(3)), "random");
      }
    }

    @Override
    public Module network() {
      return layer;
    }

    @Override
    public Tensor loss(Batch batch, Draws draws) {
      Tensor target = draws.normal(3);
      if (batch.size() == 0) {
        return Tensor.zeros();
      }
      Tensor out = layer.forward(batch.images().reshape(batch.size(), 64));
      Tensor loss = out.sub(target).square().mean();
      return batches++ == faulty ? fault.in(loss) : loss;
    }

    @Override
    public void close() {
      layer.close();
    }
  }

  private static Trainer trainer(Layer loss, ProcessGroup processes) {
    return trainer(loss, processes, Optimizer.Rule.ADAMW);
  }

  private static Trainer trainer(Layer loss, ProcessGroup processes, Optimizer.Rule rule) {
    TrainingOptions options =
        TrainingOptions.defaults()
            .withOptimizer(Optimizer.Settings.of(rule))
            .withMaxSteps(STEPS)
            .withGradientAccumulationSteps(2)
            .withLearningRate(1e-2)
            .withEma(Ema.Settings.DEFAULTS)
            .withSeed(5);
    return new Trainer(
        loss, new Batches(PICTURES, new BatchOptions(4, true, true, 5)), options, processes);
  }

  private SavedState saved(Trainer trainer, String name) throws IOException {
    return SavedState.of(trainer, folder.resolve(name));
  }

  /** The second of two micro-batches goes wrong, in the second epoch. */
  @ParameterizedTest
  @CsvSource({
    "NAN, ADAMW",
    "INFINITE_LOSS_WITH_A_GOOD_GRADIENT, ADAMW",
    "INFINITE_GRADIENT_WITH_A_GOOD_LOSS, ADAMW",
    "NAN, PRODIGY",
    "INFINITE_GRADIENT_WITH_A_GOOD_LOSS, PRODIGY",
    "NAN, ADAFACTOR",
    "INFINITE_GRADIENT_WITH_A_GOOD_LOSS, ADAFACTOR"
  })
  void theStateIsThatBeforeTheStepAndTheNextTryGoesOn(Fault fault, Optimizer.Rule rule)
      throws IOException {
    long before = Scope.liveTensors();
    try (Layer good = new Layer(-1, fault);
        Layer bad = new Layer(4, fault);
        Trainer straight = trainer(good, ProcessGroup.alone(), rule);
        Trainer trainer = trainer(bad, ProcessGroup.alone(), rule)) {
      for (int i = 0; i < 2; i++) { // an epoch
        assertThat(trainer.step().loss()).isEqualTo(straight.step().loss());
      }
      SavedState expected = saved(straight, "expected");
      assertThrows(Trainer.NotFinite.class, trainer::step);
      assertThat(trainer.progress()).isEqualTo(straight.progress());
      saved(trainer, "refused").assertSame(expected);
      while (straight.hasNext()) {
        assertThat(trainer.step().loss()).isEqualTo(straight.step().loss());
      }
      saved(trainer, "end").assertSame(saved(straight, "expected-end"));
    }
    assertThat(Scope.liveTensors()).isEqualTo(before);
  }

  /** The second rank's loss alone goes wrong. */
  @ParameterizedTest
  @EnumSource
  void allRanksRefuseWhatOneRefuses(Fault fault) throws Exception {
    List<SavedState> states =
        Ranks.run(
            2,
            group -> {
              try (Layer layer = new Layer(group.isFirst() ? -1 : 4, fault);
                  Trainer trainer = trainer(layer, group)) {
                trainer.step();
                trainer.step();
                SavedState before = saved(trainer, "before-" + group.rank());
                assertThrows(Trainer.NotFinite.class, trainer::step);
                saved(trainer, "refused-" + group.rank()).assertSame(before);
                trainer.step();
                return saved(trainer, "end-" + group.rank());
              } catch (IOException e) {
                throw new UncheckedIOException(e);
              }
            });
    states.get(0).assertSame(states.get(1));
  }

  /** After a step that was taken, weights, averages or moments may still be infinite. */
  @Test
  void whatIsNoLongerFiniteIsNamed() {
    try (Layer layer = new Layer(-1, Fault.NAN);
        Trainer trainer = trainer(layer, ProcessGroup.alone())) {
      trainer.step();
      assertThat(trainer.notFinite()).isEmpty();
      trainer.ema().orElseThrow().shadow().get("bias").fill_(Double.POSITIVE_INFINITY);
      assertThat(trainer.notFinite()).hasValue("the moving average of bias");
      layer.network().parameters().get("weight").detach().fill_(Double.NaN);
      assertThat(trainer.notFinite()).hasValue("weight");
    }
  }

  /** A picture in the second of two micro-batches cannot be read, once. */
  @Test
  void aStepThatFailedCanBeTriedAgain() throws IOException {
    boolean[] gone = {false};
    Dataset pictures =
        new DatasetView(PICTURES) {
          @Override
          public Pixels pixels(int index) {
            if (gone[0] && index == 7) {
              throw new SfumatoException("gone");
            }
            return super.pixels(index);
          }
        };
    BatchOptions options = new BatchOptions(5, false, false, 5);
    TrainingOptions twoSteps =
        TrainingOptions.defaults().withMaxSteps(2).withGradientAccumulationSteps(2);
    try (Layer good = new Layer(-1, Fault.NAN);
        Layer bad = new Layer(-1, Fault.NAN);
        Trainer straight = new Trainer(good, new Batches(PICTURES, options), twoSteps);
        Trainer trainer = new Trainer(bad, new Batches(pictures, options), twoSteps)) {
      gone[0] = true;
      assertThrows(SfumatoException.class, trainer::step);
      gone[0] = false;
      for (int i = 0; i < 2; i++) {
        assertThat(trainer.step().loss()).isEqualTo(straight.step().loss());
      }
      saved(trainer, "end").assertSame(saved(straight, "expected-end"));
    }
  }

  /** The network of a caller, who may draw with it after a picture could not be read. */
  @Test
  void aStepThatFailsLeavesDropoutOff() {
    Dataset gone =
        new DatasetView(PictureList.random(4, 1, 8, 0, 3)) {
          @Override
          public Pixels pixels(int index) {
            throw new SfumatoException("gone");
          }
        };
    UNet2DConfig config = SmallUNet.config(1).with("dropout", 0.5);
    try (Scope scope = Scope.open();
        Rng random = new Rng(4);
        ClassConditionedUNet unet = new ClassConditionedUNet(config, ClassConditioning.NONE)) {
      unet.reset(random);
      Tensor x = random.normal(1, 1, 8, 8);
      Tensor before = unet.forward(x, Tensor.of(new long[] {1}, 1), Condition.NONE);
      DenoisingLoss loss =
          new DenoisingLoss(unet, SchedulerConfig.ddpmDefaults(), Objective.defaults());
      try (Trainer trainer =
          new Trainer(
              loss, new Batches(gone, BatchOptions.defaults()), TrainingOptions.defaults())) {
        assertThrows(SfumatoException.class, trainer::step);
      }
      assertThat(unet.forward(x, Tensor.of(new long[] {1}, 1), Condition.NONE))
          .isIdenticalTo(before);
    }
  }
}
