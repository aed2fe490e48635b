package dev.sfumato.training;

import dev.sfumato.SfumatoException;
import dev.sfumato.data.Batch;
import dev.sfumato.data.BatchStream;
import dev.sfumato.data.Batches;
import dev.sfumato.data.Dataset;
import dev.sfumato.data.Share;
import dev.sfumato.model.ClassConditionedUNet;
import dev.sfumato.model.ClassConditioning;
import dev.sfumato.model.Condition;
import dev.sfumato.scheduler.NoiseSchedule;
import dev.sfumato.tensor.Device;
import dev.sfumato.tensor.ProcessGroup;
import dev.sfumato.tensor.Rng;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.SplittableRandom;

/**
 * Trains a network (Ho et al., 2020, algorithm 1), one optimiser step at a time:
 *
 * <pre>{@code
 * while (trainer.hasNext()) {
 *   StepReport report = trainer.step();
 *   if (report.step() % 100 == 0) {
 *     trainer.save(folder);
 *   }
 * }
 * }</pre>
 *
 * <p>One generator seeded with the run's seed draws, for each micro-batch, first the noise, of the
 * batch's shape, and then the timesteps. What {@link #save} writes and {@link #restore} reads is
 * all there is besides the network's weights, so that a restored run goes on bit for bit. Dropout
 * and class dropout draw from generators that start anew with each optimiser step.
 *
 * <p>Several processes train as one: each takes its share of every batch, and the noise and the
 * timesteps that one process would draw for it; the gradients are added up. So losses and weights
 * are those of one process, but for rounding and for dropout, whose masks each process draws from a
 * generator of its own. The weights, the averages and the state of the optimiser are the same in
 * all.
 */
public final class Trainer implements AutoCloseable {
  private static final long CLASS_DROPOUT_STREAM = 0x5DEECE66DL;
  private static final long DROPOUT_STREAM = CLASS_DROPOUT_STREAM + 1; // of rank 0

  private final ClassConditionedUNet denoiser;
  private final NoiseSchedule schedule;
  private final Batches batches;
  private final TrainingOptions options;
  private final ProcessGroup processes;
  private final Share share;
  private final LearningRate learningRate;
  private final Device device;
  private final Adam optimizer;
  private final Optional<Ema> ema;
  private final Rng random;
  private Progress progress = Progress.START;
  private Optional<BatchStream> stream = Optional.empty();

  /**
   * A run that has not started.
   *
   * @param denoiser the network, with weights, on the device to train on; those that want no
   *     gradients stay as they are ({@link TrainedWeights})
   * @throws SfumatoException if the data do not suit the network
   */
  public Trainer(
      ClassConditionedUNet denoiser,
      NoiseSchedule schedule,
      Batches batches,
      TrainingOptions options) {
    this(denoiser, schedule, batches, options, ProcessGroup.alone());
  }

  /**
   * A run that has not started, of several processes.
   *
   * @param denoiser the network, with weights, on the device to train on; those of rank 0 become
   *     the weights of all
   * @param batches the same for all processes: a batch is what they take together
   * @throws SfumatoException if the data do not suit the network, or the processes each other
   */
  public Trainer(
      ClassConditionedUNet denoiser,
      NoiseSchedule schedule,
      Batches batches,
      TrainingOptions options,
      ProcessGroup processes) {
    this.denoiser = denoiser;
    this.schedule = schedule;
    this.batches = batches;
    this.options = options;
    this.processes = processes;
    share = new Share(processes.rank(), processes.size());
    Requirements.check(denoiser, batches.dataset(), options);
    denoiser.nameClasses(batches.dataset().classNames());
    Agreement agreement = new Agreement(processes);
    agreement.onCall(batches, options);
    processes.broadcast_(List.copyOf(denoiser.parameters().values()));
    learningRate =
        new LearningRate(
            options.curve(),
            options.learningRate(),
            options.warmupSteps(),
            totalSteps(),
            options.stepsPerEpoch(batches.perEpoch()));
    device = denoiser.device();
    optimizer = new Adam(denoiser.trainableByName(), options.optimizer());
    ema = options.ema().map(settings -> new Ema(denoiser.trainableByName(), settings));
    random = new Rng(options.seed());
    try {
      agreement.onState(progress, denoiser, optimizer, ema);
    } catch (RuntimeException e) {
      close();
      throw e;
    }
  }

  /** Optimiser steps of the whole run. */
  public long totalSteps() {
    return options.totalSteps(batches.perEpoch());
  }

  /** The processes that train together. */
  public ProcessGroup processes() {
    return processes;
  }

  /** How far the run is. */
  public Progress progress() {
    return progress;
  }

  /** The moving average of the weights, if the run keeps one. */
  public Optional<Ema> ema() {
    return ema;
  }

  /** Whether steps are left. */
  public boolean hasNext() {
    return progress.step() < totalSteps();
  }

  /**
   * Takes one optimiser step over the next micro-batches, fewer at the end of an epoch.
   *
   * @throws SfumatoException if the loss or the gradient is not finite; the weights are then as
   *     they were before the step
   */
  public StepReport step() {
    return step(() -> {});
  }

  /**
   * The same.
   *
   * @param beforeUpdate runs when the gradients are complete and clipped, before they change the
   *     weights: the time to look at both
   */
  public StepReport step(Runnable beforeUpdate) {
    long start = System.nanoTime();
    int microBatches = Math.min(options.accumulation(), batches.perEpoch() - progress.batch());
    long images = 0;
    double loss = 0;
    try (Rng dropout = random(DROPOUT_STREAM + processes.rank());
        Rng classDropout = random(CLASS_DROPOUT_STREAM)) {
      denoiser.train(dropout);
      for (int i = 0; i < microBatches; i++) {
        int pictures = batches.sizeAt(progress.batch() + i);
        loss += backward(pictures, (double) pictures * microBatches, classDropout);
        images += pictures;
      }
    }
    denoiser.eval();
    addUp();
    loss = processes.sum(loss);
    double gradNorm = optimizer.gradientNorm();
    requireFinite(loss, gradNorm);
    if (options.maxGradNorm() > 0 && gradNorm > options.maxGradNorm()) {
      optimizer.scaleGradients(options.maxGradNorm() / (gradNorm + 1e-6));
    }
    beforeUpdate.run();
    double rate = learningRate.at(progress.step());
    optimizer.step(rate);
    ema.ifPresent(Ema::update);
    int epoch = progress.epoch();
    progress = progress.after(microBatches, images, batches.perEpoch());
    double seconds = (System.nanoTime() - start) / 1e9;
    return new StepReport(progress.step(), epoch, progress.images(), loss, rate, gradNorm, seconds);
  }

  /**
   * Adds the gradient of this process's share of the next batch to what was gathered.
   *
   * @param pictures of the whole batch
   * @param divisor the pictures of the whole step, were all its batches as long as this one
   * @return what the share adds to the loss of the step
   */
  private double backward(int pictures, double divisor, Rng classDropout) {
    try (Scope scope = Scope.open()) {
      Batch batch = nextBatch();
      Tensor noise = share.of(noise(pictures)).to(device);
      Tensor timesteps = share.of(random.integers(0, schedule.length(), pictures)).to(device);
      Tensor labels = labels(batch, pictures, classDropout).to(device);
      if (batch.size() == 0) {
        return 0;
      }
      Tensor x0 = batch.images().to(device);
      Tensor noisy = schedule.addNoise(x0, noise, timesteps);
      Tensor prediction = denoiser.forward(noisy, timesteps, Condition.ofLabels(labels));
      Tensor loss = options.objective().loss(prediction, x0, noise, timesteps, schedule);
      loss.div(divisor / batch.size()).backward();
      return loss.item() / (divisor / batch.size());
    }
  }

  private Tensor noise(int pictures) {
    Dataset dataset = batches.dataset();
    Tensor noise = random.normal(pictures, dataset.channels(), dataset.height(), dataset.width());
    if (options.objective().noiseOffset() > 0) {
      Tensor offset = random.normal(pictures, dataset.channels(), 1, 1);
      noise = noise.add(offset.mul(options.objective().noiseOffset()));
    }
    return noise;
  }

  private Tensor labels(Batch batch, int pictures, Rng classDropout) {
    long[] labels = batch.labels().clone();
    if (options.classDropout() > 0) {
      float[] draws = share.of(classDropout.uniform(pictures)).toFloats();
      Arrays.setAll(
          labels, i -> draws[i] < options.classDropout() ? ClassConditioning.NO_CLASS : labels[i]);
    }
    return Tensor.of(labels, labels.length);
  }

  /** A generator of this optimiser step. */
  private Rng random(long stream) {
    long step = new SplittableRandom(options.seed() ^ stream).nextLong() + progress.step();
    return new Rng(new SplittableRandom(step).nextLong());
  }

  /** Makes the gradient of this process's pictures that of all. */
  private void addUp() {
    if (processes.size() > 1) {
      try (Scope scope = Scope.open()) {
        processes.sum_(optimizer.gradients());
      }
    }
  }

  private Batch nextBatch() {
    if (stream.isEmpty() || !stream.get().hasNext()) {
      closeStream();
      int position = stream.isEmpty() ? progress.batch() : 0;
      stream = Optional.of(batches.epoch(progress.epoch()).from(position, share));
    }
    return stream.get().next();
  }

  private void requireFinite(double loss, double gradNorm) {
    if (!Double.isFinite(loss) || !Double.isFinite(gradNorm)) {
      throw new SfumatoException(
          String.format(
              Locale.ROOT,
              "step %d: the loss is %s and the gradient norm %s; the weights were not changed:"
                  + " use a lower --learning-rate or --max-grad-norm 1 and go on with --resume",
              progress.step() + 1,
              loss,
              gradNorm));
    }
  }

  /** Writes the state of the run, except for the network's weights, into an existing folder. */
  public void save(Path folder) {
    TrainingState.save(folder, optimizer, ema, random, progress, batches.options().batchSize());
  }

  /**
   * Goes on from what {@link #save} wrote; the network must have the weights of that moment.
   *
   * @throws SfumatoException naming the file that is missing or does not fit
   */
  public void restore(Path folder) {
    closeStream();
    stream = Optional.empty();
    progress = TrainingState.restore(folder, optimizer, ema, random, batches.options().batchSize());
    if (progress.batch() >= batches.perEpoch()) {
      throw new SfumatoException(
          folder
              + " was saved after batch "
              + progress.batch()
              + " of an epoch, which now has "
              + batches.perEpoch()
              + ": go on with the same --data and --batch-size");
    }
    new Agreement(processes).onState(progress, denoiser, optimizer, ema);
  }

  private void closeStream() {
    stream.ifPresent(BatchStream::close);
  }

  @Override
  public void close() {
    closeStream();
    optimizer.close();
    ema.ifPresent(Ema::close);
    random.close();
  }
}
