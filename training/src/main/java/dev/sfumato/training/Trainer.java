package dev.sfumato.training;

import dev.sfumato.SfumatoException;
import dev.sfumato.data.Batch;
import dev.sfumato.data.BatchStream;
import dev.sfumato.data.Batches;
import dev.sfumato.data.Share;
import dev.sfumato.nn.Module;
import dev.sfumato.tensor.Autograd;
import dev.sfumato.tensor.Construction;
import dev.sfumato.tensor.LateGradients;
import dev.sfumato.tensor.OptimizerKernels;
import dev.sfumato.tensor.ProcessGroup;
import dev.sfumato.tensor.Rng;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.function.Consumer;
import java.util.stream.Stream;

/**
 * Minimises a loss, one optimiser step at a time:
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
 * <p>One generator, seeded with the run's seed, draws the numbers for the loss, micro-batch by
 * micro-batch. {@link #save} and {@link #restore} handle the complete state besides the network's
 * weights, so a restored run continues bit for bit. Dropout and {@link Draws#chosen} use generators
 * that start anew with each optimiser step.
 *
 * <p>If the network computes in half precision, the loss is multiplied by up to 65,536 before the
 * backward pass, and its gradients are divided by that. A step whose gradients overflow is computed
 * again with half the factor, so no step is lost.
 *
 * <p>Several processes can train together: each takes its share of every batch, with the random
 * numbers that a single process would draw for it, and the gradients are summed. So losses and
 * weights equal those of one process, except for rounding and for dropout, whose masks each process
 * draws from its own generator. The weights, the averages and the state of the optimiser are the
 * same in all.
 */
public final class Trainer implements AutoCloseable {
  /** The start of the names of a text encoder's weights beside those of another network. */
  private static final String TEXT_ENCODER = "text_encoder";

  private static final long CHOICE_STREAM = 0x5DEECE66DL;
  private static final long DROPOUT_STREAM = CHOICE_STREAM + 1; // of rank 0

  /** The failure of a step whose loss or gradient is NaN or infinite, and which was not taken. */
  public static final class NotFinite extends SfumatoException {
    private static final long serialVersionUID = 1L;

    private NotFinite(long step, double loss, double gradNorm) {
      super(
          String.format(
              Locale.ROOT,
              "step %d: the loss is %s and the gradient norm %s, so the step was not taken",
              step,
              loss,
              gradNorm));
    }
  }

  private final TrainingLoss loss;
  private final Module network;
  private final Batches batches;
  private final TrainingOptions options;
  private final ProcessGroup processes;
  private final Share share;
  private final Optimizer optimizer;
  private final Optional<Ema> ema;
  private final Rng random;
  private final LossScale scale;
  private Progress progress = Progress.START;
  private Optional<BatchStream> stream = Optional.empty();

  /**
   * Prepares a run.
   *
   * @param loss of a network with weights, on the device to train on; weights that require no
   *     gradients do not change ({@link TrainedWeights})
   * @throws SfumatoException if the data do not suit the network
   */
  public Trainer(TrainingLoss loss, Batches batches, TrainingOptions options) {
    this(loss, batches, options, ProcessGroup.alone());
  }

  /**
   * Prepares a run of several processes.
   *
   * @param loss of a network with weights, on the device to train on; all processes take the
   *     weights of rank 0
   * @param batches the same for all processes; they share each batch
   * @throws SfumatoException if the data do not suit the network, or the processes disagree
   */
  public Trainer(
      TrainingLoss loss, Batches batches, TrainingOptions options, ProcessGroup processes) {
    this.loss = loss;
    this.network = loss.network();
    this.batches = batches;
    this.options = options.requireSteps();
    this.processes = processes;
    share = new Share(processes.rank(), processes.size());
    scale = new LossScale(network);
    loss.prepare(batches.dataset());
    network.widenLearning();
    Agreement agreement = new Agreement(processes);
    agreement.onCall(batches, options, loss);
    processes.broadcast_(
        Stream.of(network.parameters(), network.trainedBeside())
            .flatMap(weights -> weights.values().stream())
            .toList());
    try (Construction parts = Construction.begin()) {
      optimizer = Optimizer.of(network.trainableByName(), options.optimizer());
      ema = options.ema().map(settings -> new Ema(network.trainableByName(), settings));
      random = new Rng(options.seed());
      agreement.onState(progress, network, optimizer, ema);
      parts.complete();
    }
  }

  /** Returns the loss. */
  public TrainingLoss loss() {
    return loss;
  }

  /** Returns the optimiser steps of the whole run. */
  public long totalSteps() {
    return options.totalSteps(batches.perEpoch());
  }

  /** Returns the processes that train together. */
  public ProcessGroup processes() {
    return processes;
  }

  /** Returns the progress of the run. */
  public Progress progress() {
    return progress;
  }

  /** Returns the moving average of the weights, if the run keeps one. */
  public Optional<Ema> ema() {
    return ema;
  }

  /**
   * Replaces the weights by their moving averages until the result is closed; does nothing in a run
   * without averages.
   */
  public Averages useAverages() {
    return ema.<Averages>map(Ema::swapIn).orElse(() -> {});
  }

  /** The time during which the averages replace the weights. */
  public interface Averages extends AutoCloseable {
    @Override
    void close();
  }

  /** Returns whether steps are left. */
  public boolean hasNext() {
    return progress.step() < totalSteps();
  }

  /**
   * Takes one optimiser step over the next micro-batches, fewer at the end of an epoch. If it fails
   * before the update, for example because a picture cannot be read, the next call tries it again.
   *
   * @throws NotFinite if the loss or the gradient is not finite; everything is as it was before the
   *     step, so {@link #save} saves that state
   */
  public StepReport step() {
    return step(gradients -> {});
  }

  /**
   * Takes one optimiser step, like {@link #step()}, with other work before the update.
   *
   * @param beforeUpdate runs when gradients are complete and clipped, and before they change their
   *     weights. It gets them by the names of the weights: all at once, or with gradient
   *     checkpointing in parts ({@link LateGradients})
   */
  public StepReport step(Consumer<Map<String, Tensor>> beforeUpdate) {
    long start = System.nanoTime();
    double rate = optimizer.rate(course() * options.learningRate().base());
    LossScale.State scaleBefore = scale.state();
    Attempt attempt = attempt(beforeUpdate);
    while (attempt.overflowed() && scale.halve()) {
      attempt = attempt(beforeUpdate);
    }
    if (!attempt.isFinite()) {
      scale.restore(scaleBefore);
      throw new NotFinite(progress.step() + 1, attempt.loss, attempt.norm);
    }
    scale.count();
    ema.ifPresent(Ema::update);
    int epoch = progress.epoch();
    progress = progress.after(attempt.microBatches, attempt.images, batches.perEpoch());
    double seconds = (System.nanoTime() - start) / 1e9;
    return new StepReport(
        progress.step(), epoch, progress.images(), attempt.loss, rate, attempt.norm, seconds);
  }

  /** A step that was taken, or if a number is not finite left everything as it was. */
  private record Attempt(int microBatches, long images, double loss, double norm) {
    boolean isFinite() {
      return Double.isFinite(loss) && Double.isFinite(norm);
    }

    boolean overflowed() {
      return Double.isFinite(loss) && !Double.isFinite(norm);
    }
  }

  private Attempt attempt(Consumer<Map<String, Tensor>> beforeUpdate) {
    int microBatches =
        Math.min(options.gradientAccumulationSteps(), batches.perEpoch() - progress.batch());
    try (Scope scope = Scope.open()) {
      Tensor randomBefore = random.state();
      StepLoss sum = new StepLoss();
      long images = 0;
      boolean taken = false;
      try (Rng dropout = random(DROPOUT_STREAM + processes.rank());
          Rng choices = random(CHOICE_STREAM);
          LateGradients late = new LateGradients(network.trainableByName())) {
        network.train(dropout);
        for (int i = 0; i < microBatches; i++) {
          int pictures = batches.sizeAt(progress.batch() + i);
          Draws draws = new SharedDraws(random, choices, pictures, share);
          Runnable backward = () -> backward(draws, (double) pictures * microBatches, sum);
          if (processes.size() == 1) {
            late.during(backward);
          } else {
            backward.run();
          }
          images += pictures;
        }
        Tensor norm = update(late, sum, beforeUpdate);
        StepLoss.Read read = sum.read(norm); // only now the host waits for a card
        Attempt attempt =
            new Attempt(microBatches, images, processes.sum(read.loss()), read.norm());
        taken = attempt.isFinite();
        return attempt;
      } finally {
        network.eval();
        if (!taken) {
          random.state(randomBefore);
          forgetStream();
          network.trainable().forEach(Autograd::forget);
        }
      }
    }
  }

  /**
   * Changes the weights, if loss and gradients are finite, and returns the norm of the gradients.
   */
  private Tensor update(
      LateGradients late, StepLoss sum, Consumer<Map<String, Tensor>> beforeUpdate) {
    double rate = course() * options.learningRate().base();
    double ofTexts = course() * options.textEncoderLearningRate();
    Tensor norm;
    Tensor accepted;
    Consumer<Map<String, Tensor>> use;
    try (Scope scope = Scope.open()) {
      Map<String, Tensor> kept = optimizer.gradients(late.names(), processes);
      if (processes.size() > 1) {
        processes.sum_(List.copyOf(kept.values()));
      }
      norm = scope.keep(late.norm(kept).div(scale.factor()));
      accepted = scope.keep(sum.accepted(norm, processes));
      boolean overflowed = scale.isUsed() && accepted.item() == 0;
      use =
          gradients -> {
            scale.remove_(gradients.values());
            if (options.maxGradNorm() > 0) {
              OptimizerKernels.clip_(List.copyOf(gradients.values()), norm, options.maxGradNorm());
            }
            if (!overflowed) {
              beforeUpdate.accept(gradients);
            }
            optimizer.step(
                gradients, name -> name.startsWith(TEXT_ENCODER) ? ofTexts : rate, accepted);
          };
      use.accept(kept);
    }
    late.each(use);
    optimizer.finish(accepted);
    return norm;
  }

  /** Returns the share of the learning rates that holds now. */
  private double course() {
    return options
        .learningRate()
        .course(progress.step(), totalSteps(), options.stepsPerEpoch(batches.perEpoch()));
  }

  /**
   * Adds the gradient and the loss of this process's share of the next batch.
   *
   * @param divisor the pictures of the whole step if all its batches were as long as this one
   */
  private void backward(Draws draws, double divisor, StepLoss sum) {
    try (Scope scope = Scope.open()) {
      Batch batch = nextBatch();
      Tensor mean = loss.loss(batch, draws);
      if (batch.size() > 0) {
        mean.div(divisor / batch.size() / scale.factor()).backward();
        sum.add(mean, divisor / batch.size());
      }
    }
  }

  /** Returns a generator for this optimiser step. */
  private Rng random(long stream) {
    long step = new SplittableRandom(options.seed() ^ stream).nextLong() + progress.step();
    return new Rng(new SplittableRandom(step).nextLong());
  }

  private Batch nextBatch() {
    if (stream.isEmpty() || !stream.get().hasNext()) {
      closeStream();
      int position = stream.isEmpty() ? progress.batch() : 0;
      stream = Optional.of(batches.epoch(progress.epoch()).from(position, share));
    }
    return stream.get().next();
  }

  /**
   * Returns the name of a weight, an average or a state of the optimiser that is not finite, if
   * there is one: a run cannot go on from it.
   */
  public Optional<String> notFinite() {
    Map<String, Tensor> all = new LinkedHashMap<>(network.trainableByName());
    ema.ifPresent(
        e -> e.shadow().forEach((name, s) -> all.put("the moving average of " + name, s)));
    optimizer.state().forEach((name, s) -> all.put("the optimiser's " + name, s));
    return all.entrySet().stream()
        .filter(entry -> !entry.getValue().isFinite())
        .map(Map.Entry::getKey)
        .findFirst();
  }

  /** Writes the state of the run, except for the network's weights, into an existing folder. */
  public void save(Path folder) {
    state().save(folder, progress);
  }

  /**
   * Restores what {@link #save} wrote; the network must have the weights of that moment. If the
   * options have another seed, the random numbers are those from its start.
   *
   * @throws SfumatoException naming the missing or mismatched file
   */
  public void restore(Path folder) {
    forgetStream();
    progress = state().restore(folder);
    if (progress.batch() >= batches.perEpoch()) {
      throw new SfumatoException(
          folder
              + " was saved after batch "
              + progress.batch()
              + " of an epoch, which now has "
              + batches.perEpoch()
              + ": go on with the same `data` and `batchSize`");
    }
    new Agreement(processes).onState(progress, network, optimizer, ema);
  }

  private TrainingState state() {
    return new TrainingState(optimizer, ema, random, scale, batches, options.seed());
  }

  private void closeStream() {
    stream.ifPresent(BatchStream::close);
  }

  /** The next batch is read at the position of the progress. */
  private void forgetStream() {
    closeStream();
    stream = Optional.empty();
  }

  @Override
  public void close() {
    closeStream();
    optimizer.close();
    ema.ifPresent(Ema::close);
    random.close();
  }
}
