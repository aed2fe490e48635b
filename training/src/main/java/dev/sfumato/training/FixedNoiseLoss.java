package dev.sfumato.training;

import dev.sfumato.data.Batch;
import dev.sfumato.data.BatchOptions;
import dev.sfumato.data.BatchStream;
import dev.sfumato.data.Batches;
import dev.sfumato.data.Dataset;
import dev.sfumato.model.ClassConditionedUNet;
import dev.sfumato.model.Condition;
import dev.sfumato.scheduler.NoiseSchedule;
import dev.sfumato.tensor.Autograd;
import dev.sfumato.tensor.Device;
import dev.sfumato.tensor.Rng;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;

/**
 * The loss on the first pictures of a data set with the same noise and the same timesteps, spread
 * evenly, each time: two values of it can be compared, which those of training batches cannot.
 */
public final class FixedNoiseLoss {
  private static final int PICTURES = 256;
  private static final int BATCH = 64;
  private static final long SEED = 0;

  private final Dataset dataset;
  private final NoiseSchedule schedule;
  private final Objective objective;

  /** A loss on the first 256 pictures of {@code dataset}, or all if they are fewer. */
  public FixedNoiseLoss(Dataset dataset, NoiseSchedule schedule, Objective objective) {
    this.dataset = dataset;
    this.schedule = schedule;
    this.objective = objective;
  }

  /** The mean loss of {@code denoiser} as it is now. */
  public double of(ClassConditionedUNet denoiser) {
    int count = Math.min(PICTURES, dataset.size());
    Device device = denoiser.device();
    Batches batches = new Batches(dataset, new BatchOptions(BATCH, false, false, SEED));
    double sum = 0;
    int seen = 0;
    try (Rng random = new Rng(SEED);
        BatchStream stream = batches.epoch(0).from(0);
        Autograd.Recording off = Autograd.off()) {
      while (seen < count) {
        try (Scope scope = Scope.open()) {
          Batch batch = stream.next();
          Tensor noise = random.normal(batch.images().shape()).to(device);
          Tensor x0 = batch.images().to(device);
          Tensor timesteps = spread(seen, batch.size(), count).to(device);
          Tensor labels = Tensor.of(batch.labels(), batch.labels().length).to(device);
          Tensor prediction =
              denoiser.forward(
                  schedule.addNoise(x0, noise, timesteps), timesteps, Condition.ofLabels(labels));
          sum += objective.loss(prediction, x0, noise, timesteps, schedule).item() * batch.size();
          seen += batch.size();
        }
      }
    }
    return sum / seen;
  }

  private Tensor spread(int from, int size, int count) {
    long[] timesteps = new long[size];
    for (int i = 0; i < size; i++) {
      timesteps[i] = Math.min(schedule.length() - 1, (from + i) * (long) schedule.length() / count);
    }
    return Tensor.of(timesteps, size);
  }
}
