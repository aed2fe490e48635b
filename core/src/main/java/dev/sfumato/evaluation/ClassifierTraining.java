package dev.sfumato.evaluation;

import dev.sfumato.SfumatoException;
import dev.sfumato.data.Batch;
import dev.sfumato.data.BatchOptions;
import dev.sfumato.data.BatchStream;
import dev.sfumato.data.Batches;
import dev.sfumato.data.DataOptions;
import dev.sfumato.data.Dataset;
import dev.sfumato.data.Datasets;
import dev.sfumato.tensor.Device;
import dev.sfumato.tensor.Functional;
import dev.sfumato.tensor.Rng;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import dev.sfumato.training.Adam;
import dev.sfumato.training.LearningRate;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.stream.IntStream;

/**
 * Trains a {@link PictureClassifier}: cross-entropy, Adam with a learning rate of 0.001 that falls
 * as a cosine, batches of 64, pictures shifted by up to 2 pixels.
 *
 * @param training gray pictures of 28 x 28 pixels with classes
 * @param test other pictures with the same classes, used only at the end
 * @param epochs passes over the training pictures, at least 1
 * @param seed of start values, order and shifts
 */
public record ClassifierTraining(Dataset training, Dataset test, int epochs, long seed) {
  private static final int BATCH = 64;
  private static final int SHIFT = 2;
  private static final double LEARNING_RATE = 1e-3;
  private static final Adam.Settings ADAM = new Adam.Settings(false, 0.9, 0.999, 1e-8, 0);

  /**
   * @throws SfumatoException if the pictures are of another kind
   */
  public ClassifierTraining {
    if (epochs < 1) {
      throw new SfumatoException("--epochs " + epochs + ": must be at least 1");
    }
    require(training);
    require(test);
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
   * A training on a data set with a test split.
   *
   * @param data what {@link Datasets#open} opens: a folder of idx files, mnist or fashion-mnist
   * @throws SfumatoException if there is no test split, or the pictures are of another kind
   */
  public static ClassifierTraining on(String data, int epochs, long seed) {
    DataOptions options = DataOptions.defaults().withChannels(DataOptions.Channels.GRAY);
    Dataset training = Datasets.open(data, options);
    Dataset test =
        Datasets.openTestSplit(data, options)
            .orElseThrow(
                () ->
                    new SfumatoException(
                        data + ": has no test pictures, t10k-*, which a classifier's card needs"));
    return new ClassifierTraining(training, test, epochs, seed);
  }

  /** How many steps the training takes. */
  public long steps() {
    return (long) epochs * batches().perEpoch();
  }

  /**
   * Trains a classifier and tests it.
   *
   * @param command what the card says made the classifier
   */
  public PictureClassifier run(Device device, String command, Listener listener) {
    ClassifierNetwork network = new ClassifierNetwork(training.classNames().size());
    try (Rng random = new Rng(seed)) {
      network.reset(random);
      network.to(device);
      train(network, device, listener);
      return new PictureClassifier(network, card(accuracy(network), command));
    } catch (RuntimeException e) {
      network.close();
      throw e;
    }
  }

  private static void require(Dataset dataset) {
    int side = PictureClassifier.SIDE;
    if (dataset.channels() != 1 || dataset.height() != side || dataset.width() != side) {
      throw new SfumatoException("a classifier is trained on gray pictures of 28 x 28 pixels");
    }
    if (dataset.classNames().size() < 2) {
      throw new SfumatoException("a classifier needs data with two classes or more: subfolders");
    }
  }

  private Batches batches() {
    return new Batches(
        new ShiftedDataset(training, SHIFT), new BatchOptions(BATCH, true, false, seed));
  }

  private void train(ClassifierNetwork network, Device device, Listener listener) {
    Batches batches = batches();
    LearningRate rate =
        new LearningRate(LearningRate.Kind.COSINE, LEARNING_RATE, 0, steps(), batches.perEpoch());
    long step = 0;
    try (Adam adam = new Adam(network.parameters(), ADAM)) {
      for (int epoch = 0; epoch < epochs; epoch++) {
        try (BatchStream stream = batches.epoch(epoch).from(0)) {
          while (stream.hasNext()) {
            double loss = step(network, stream, adam, rate.at(step++), device);
            listener.onStep(step, loss);
          }
        }
      }
    }
  }

  private static double step(
      ClassifierNetwork network, BatchStream stream, Adam adam, double rate, Device device) {
    try (Scope scope = Scope.open()) {
      Batch batch = stream.next();
      Tensor labels = Tensor.of(batch.labels(), batch.size()).to(device);
      Tensor loss = Functional.crossEntropy(network.forward(batch.images().to(device)), labels);
      loss.backward();
      adam.step(rate);
      return loss.item();
    }
  }

  private double accuracy(ClassifierNetwork network) {
    int[] read = new PictureClassifier(network, card(0, "")).read(test);
    return IntStream.range(0, read.length).filter(i -> read[i] == test.label(i)).count()
        / (double) read.length;
  }

  private ClassifierCard card(double testAccuracy, String command) {
    String today = LocalDate.now(ZoneOffset.UTC).toString();
    return new ClassifierCard(
        training.classNames(),
        training.size(),
        test.size(),
        testAccuracy,
        epochs,
        seed,
        command,
        today);
  }
}
