package dev.sfumato.training;

import dev.sfumato.data.Batch;
import dev.sfumato.data.BatchOptions;
import dev.sfumato.data.BatchStream;
import dev.sfumato.data.Batches;
import dev.sfumato.data.Dataset;
import dev.sfumato.data.Share;
import dev.sfumato.data.TakenOnce;
import dev.sfumato.tensor.Autograd;
import dev.sfumato.tensor.Rng;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.util.OptionalDouble;
import java.util.function.BooleanSupplier;
import java.util.stream.IntStream;
import java.util.stream.LongStream;

/**
 * The loss on the first pictures of a data set, with the same noise and the same evenly spread
 * timesteps each time. Its values can be compared; those of training batches cannot.
 */
public final class FixedNoiseLoss {
  private static final int PICTURES = 256;
  private static final int BATCH = 64;
  private static final long SEED = 0;

  private final Dataset dataset;
  private final TrainingLoss loss;

  /** Makes a loss on the first 256 pictures of {@code dataset}, or on all if there are fewer. */
  public FixedNoiseLoss(Dataset dataset, TrainingLoss loss) {
    this.dataset =
        new TakenOnce(dataset, IntStream.range(0, Math.min(PICTURES, dataset.size())).toArray());
    this.loss = loss.measured();
  }

  /**
   * Returns the mean loss of the network with its current weights.
   *
   * @param stopAsked asked before each batch; if it returns true, the result is empty
   */
  public OptionalDouble value(BooleanSupplier stopAsked) {
    int count = dataset.size();
    Batches batches = new Batches(dataset, new BatchOptions(BATCH, false, false, SEED));
    double sum = 0;
    int seen = 0;
    try (Rng random = new Rng(SEED);
        BatchStream stream = batches.epoch(0).from(0);
        Autograd.Recording off = Autograd.off()) {
      while (seen < count) {
        if (stopAsked.getAsBoolean()) {
          return OptionalDouble.empty();
        }
        try (Scope scope = Scope.open()) {
          Batch batch = stream.next();
          Draws draws = new SharedDraws(random, random, batch.size(), Share.ALL);
          sum +=
              loss.loss(batch, new Spread(draws, batch.size(), seen, count)).item() * batch.size();
          seen += batch.size();
        }
      }
    }
    return OptionalDouble.of(sum / seen);
  }

  /**
   * Draws with evenly spread whole numbers: picture i of n gets the (i / n)-th part of the range.
   */
  private record Spread(Draws draws, int size, int from, int count) implements Draws {
    @Override
    public Draws twice() {
      return new Spread(draws.twice(), size, from, count);
    }

    @Override
    public Tensor normal(long... shape) {
      return draws.normal(shape);
    }

    @Override
    public Tensor uniform(long... shape) {
      return draws.uniform(shape);
    }

    @Override
    public Tensor integers(long length) {
      int rows = draws.chosen(0).length;
      return Tensor.of(
          LongStream.range(0, rows).map(row -> (from + row % size) * length / count).toArray(),
          rows);
    }

    @Override
    public boolean[] chosen(double share) {
      return draws.chosen(0);
    }
  }
}
