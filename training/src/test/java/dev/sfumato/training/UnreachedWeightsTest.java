package dev.sfumato.training;

import static com.google.common.truth.Truth.assertThat;
import static dev.sfumato.tensor.TensorSubject.assertThat;

import dev.sfumato.data.Batch;
import dev.sfumato.data.BatchOptions;
import dev.sfumato.data.Batches;
import dev.sfumato.nn.Linear;
import dev.sfumato.nn.Module;
import dev.sfumato.picture.Pixels;
import dev.sfumato.tensor.Device;
import dev.sfumato.tensor.ProcessGroup;
import dev.sfumato.tensor.Ranks;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A step leaves weights alone that its loss did not reach, as PyTorch's optimisers do. */
class UnreachedWeightsTest {
  private static final int PIXELS = 4;

  /** Two layers side by side. */
  private static final class Pair extends Module {
    final Linear always = new Linear(PIXELS, 2);
    final Linear seldom = new Linear(PIXELS, 2);
  }

  /** Reads one of the layers in each step, and the other in the second one only. */
  private static final class Twice implements TrainingLoss, AutoCloseable {
    private final Pair pair = new Pair();
    private final boolean reads;
    private int calls;

    Twice(boolean reads) {
      this.reads = reads;
      try (Scope scope = Scope.open()) {
        Map<String, Tensor> weights = new HashMap<>();
        pair.parameters()
            .forEach((name, w) -> weights.put(name, Tensor.full(Device.CPU, 0.5, w.shape())));
        pair.load(weights, "pair");
      }
    }

    @Override
    public Module network() {
      return pair;
    }

    @Override
    public Tensor loss(Batch batch, Draws draws) {
      Tensor x = batch.images().reshape(batch.size(), PIXELS);
      Tensor out = pair.always.forward(x);
      boolean both = reads && calls++ == 1;
      return (both ? out.add(pair.seldom.forward(x)) : out).sub(1).square().mean();
    }

    Tensor seldom() {
      return pair.seldom.parameters().get("weight").detach().copy();
    }

    @Override
    public void close() {
      pair.close();
    }
  }

  private static Trainer trainer(Twice loss, Optimizer.Rule rule, ProcessGroup group) {
    List<Pixels> pictures =
        IntStream.range(0, 4)
            .mapToObj(i -> new Pixels(1, 2, 2, new byte[] {(byte) i, 100, 50, (byte) (9 * i)}))
            .toList();
    return new Trainer(
        loss,
        new Batches(new PictureList(pictures, 1), new BatchOptions(4, false, false, 0)),
        TrainingOptions.defaults()
            .withMaxSteps(4)
            .withOptimizer(Optimizer.Settings.of(rule).withWeightDecay(0.1))
            .withLearningRate(rule == Optimizer.Rule.PRODIGY ? 1 : 1e-2),
        group);
  }

  @ParameterizedTest
  @EnumSource(Optimizer.Rule.class)
  void stayWithTheirMoments(Optimizer.Rule rule) {
    try (Scope scope = Scope.open();
        Twice loss = new Twice(true);
        Trainer trainer = trainer(loss, rule, ProcessGroup.alone())) {
      Tensor start = loss.seldom();
      trainer.step();
      assertThat(loss.seldom()).isIdenticalTo(start);
      trainer.step();
      Tensor reached = loss.seldom();
      assertThat(reached.sub(start).norm().item()).isGreaterThan(0);
      trainer.step();
      trainer.step();
      assertThat(loss.seldom()).isIdenticalTo(reached);
    }
  }

  @Test
  void whatOneRankReachesChangesInAll() throws Exception {
    List<float[]> ends =
        Ranks.run(
            2,
            group -> {
              try (Scope scope = Scope.open();
                  Twice loss = new Twice(!group.isFirst());
                  Trainer trainer = trainer(loss, Optimizer.Rule.ADAMW, group)) {
                trainer.step();
                Tensor start = loss.seldom();
                trainer.step();
                Tensor reached = loss.seldom();
                assertThat(reached.sub(start).norm().item()).isGreaterThan(0);
                trainer.step();
                assertThat(loss.seldom()).isIdenticalTo(reached);
                return reached.toFloats();
              } finally {
                group.barrier();
              }
            });
    assertThat(ends.get(0)).isEqualTo(ends.get(1));
  }
}
