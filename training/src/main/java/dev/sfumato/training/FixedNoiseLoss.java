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
  private static final int BATCH = 64; // whose noise is drawn at once

  /**
   * The parts of each batch, which are measured one after the other, so that it fits the memory.
   */
  private static final int PARTS = 8;

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
   * @param stopAsked asked before each part of a batch; if it returns true, the result is empty
   */
  public OptionalDouble value(BooleanSupplier stopAsked) {
    int count = dataset.size();
    Batches batches = new Batches(dataset, new BatchOptions(BATCH, false, false, SEED));
    double sum = 0;
    for (int part = 0; part < PARTS; part++) {
      Share share = new Share(part, PARTS);
      int seen = 0;
      try (Rng random = new Rng(SEED);
          BatchStream stream = batches.epoch(0).from(0, share);
          Autograd.Recording off = Autograd.off()) {
        for (int position = 0; position < batches.perEpoch(); position++) {
          if (stopAsked.getAsBoolean()) {
            return OptionalDouble.empty();
          }
          int whole = batches.sizeAt(position);
          try (Scope scope = Scope.open()) {
            Batch batch = stream.next();
            Draws draws = new SharedDraws(random, random, whole, share);
            int from = seen + share.start(whole);
            double mean = loss.loss(batch, new Spread(draws, batch.size(), from, count)).item();
            sum += batch.size() == 0 ? 0 : mean * batch.size();
          }
          seen += whole;
        }
      }
    }
    return OptionalDouble.of(sum / count);
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
