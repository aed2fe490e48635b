package dev.sfumato.evaluation;

import dev.sfumato.SfumatoException;
import dev.sfumato.data.Batch;
import dev.sfumato.data.BatchOptions;
import dev.sfumato.data.Batches;
import dev.sfumato.data.DataOptions;
import dev.sfumato.data.Dataset;
import dev.sfumato.data.Datasets;
import dev.sfumato.data.HeldOut;
import dev.sfumato.tensor.Construction;
import dev.sfumato.tensor.Device;
import dev.sfumato.tensor.Functional;
import dev.sfumato.tensor.Rng;
import dev.sfumato.tensor.Tensor;
import dev.sfumato.training.Draws;
import dev.sfumato.training.LearningRate;
import dev.sfumato.training.Optimizer;
import dev.sfumato.training.StepReport;
import dev.sfumato.training.Trainer;
import dev.sfumato.training.TrainingLoss;
import dev.sfumato.training.TrainingOptions;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.Locale;
import java.util.stream.IntStream;

/**
 * Trains a {@link PictureClassifier}: cross-entropy, Adam with a learning rate of 0.001 that falls
 * as a cosine, batches of 64, pictures shifted by up to 2 pixels.
 *
 * @param training square pictures with classes
 * @param test other pictures with the same classes, used only at the end
 * @param epochs passes over the training pictures, at least 1
 * @param seed of start values, order and shifts
 */
public record ClassifierTraining(Dataset training, Dataset test, int epochs, long seed) {
  private static final int BATCH = 64;
  private static final int SHIFT = 2;
  private static final double LEARNING_RATE = 1e-3;
  private static final double HELD_OUT = 0.1;

  /**
   * @throws SfumatoException if the pictures do not suit a classifier
   */
  public ClassifierTraining {
    if (epochs < 1) {
      throw new SfumatoException("`epochs` " + epochs + ": must be at least 1");
    }
    HeldOut.requireAlike(training, test);
    if (training.height() != training.width()) {
      throw new SfumatoException(
          String.format(
              Locale.ROOT,
              "a classifier reads square pictures, not %d x %d",
              training.width(),
              training.height()));
    }
    if (training.classNames().size() < 2) {
      throw new SfumatoException("a classifier needs data with two classes or more");
    }
  }

  /** Watches a training. */
  @FunctionalInterface
  public interface Listener {
    /**
     * Called after each step.
     *
     * @param step counted from 1
     * @param loss of the step's pictures
     */
    void onStep(long step, double loss);
  }

  /**
   * Returns a training on a data set, tested on its test split or, without one, on a tenth of the
   * pictures, which are held out.
   *
   * @param data the name or path, in a form that {@link Datasets#open} accepts
   * @throws SfumatoException if the pictures have no classes, or are too large
   */
  public static ClassifierTraining on(String data, DataOptions options, int epochs, long seed) {
    Dataset all = Datasets.open(data, options);
    HeldOut parts =
        Datasets.openTestSplit(data, options)
            .map(test -> new HeldOut(all, test))
            .orElseGet(() -> HeldOut.share(all, HELD_OUT, seed));
    return new ClassifierTraining(parts.training(), parts.validation(), epochs, seed);
  }

  /** Returns the number of steps. */
  public long steps() {
    return (long) epochs * batches().perEpoch();
  }

  /**
   * Trains a classifier and tests it.
   *
   * @param command the command to record in the card
   */
  public PictureClassifier run(Device device, String command, Listener listener) {
    ClassifierCard card = card(0, command);
    try (Rng random = new Rng(seed);
        Construction made = Construction.begin()) {
      ClassifierNetwork network = new ClassifierNetwork(card);
      network.reset(random);
      network.to(device);
      train(network, listener);
      double accuracy = accuracy(new PictureClassifier(network, card));
      made.complete();
      return new PictureClassifier(network, card(accuracy, command));
    }
  }

  private Batches batches() {
    return new Batches(
        new ShiftedDataset(training, SHIFT), new BatchOptions(BATCH, true, false, seed));
  }

  private void train(ClassifierNetwork network, Listener listener) {
    try (Trainer trainer = new Trainer(new CrossEntropy(network), batches(), options())) {
      while (trainer.hasNext()) {
        StepReport report = trainer.step();
        listener.onStep(report.step(), report.loss());
      }
    }
  }

  private TrainingOptions options() {
    return TrainingOptions.defaults()
        .withOptimizer(Optimizer.Settings.adam())
        .withLearningRate(new LearningRate(LearningRate.Kind.COSINE, LEARNING_RATE, 0))
        .withMaxGradNorm(0)
        .withEpochs(epochs)
        .withSeed(seed);
  }

  private record CrossEntropy(ClassifierNetwork network) implements TrainingLoss {
    @Override
    public Tensor loss(Batch batch, Draws draws) {
      Device device = network.device();
      Tensor labels = Tensor.of(batch.labels(), batch.size()).to(device);
      return Functional.crossEntropy(network.forward(batch.images().to(device)), labels);
    }
  }

  private double accuracy(PictureClassifier classifier) {
    int[] read = classifier.read(test);
    return IntStream.range(0, read.length).filter(i -> read[i] == test.label(i)).count()
        / (double) read.length;
  }

  private ClassifierCard card(double testAccuracy, String command) {
    String today = LocalDate.now(ZoneOffset.UTC).toString();
    return new ClassifierCard(
        training.classNames(),
        training.channels(),
        training.height(),
        training.size(),
        test.size(),
        testAccuracy,
        epochs,
        seed,
        command,
        today);
  }
}
