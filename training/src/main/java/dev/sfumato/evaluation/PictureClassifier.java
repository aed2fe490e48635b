package dev.sfumato.evaluation;

import dev.sfumato.SfumatoException;
import dev.sfumato.data.BatchOptions;
import dev.sfumato.data.BatchStream;
import dev.sfumato.data.Batches;
import dev.sfumato.data.Dataset;
import dev.sfumato.io.JsonFile;
import dev.sfumato.model.ClassConditionedUNet;
import dev.sfumato.model.ClassNames;
import dev.sfumato.nn.Weights;
import dev.sfumato.tensor.Autograd;
import dev.sfumato.tensor.Construction;
import dev.sfumato.tensor.Device;
import dev.sfumato.tensor.Safetensors;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;

/**
 * A classifier of small square pictures.
 *
 * <p>A classifier is a directory of {@code classifier.safetensors} and {@code classifier.json}, its
 * {@linkplain ClassifierCard card}. {@link #digits} is built in.
 */
public final class PictureClassifier implements AutoCloseable {
  private static final String WEIGHTS = "classifier.safetensors";
  private static final String CARD = "classifier.json";
  private static final int SLICE = 256;

  private final ClassifierNetwork network;
  private final ClassifierCard card;

  PictureClassifier(ClassifierNetwork network, ClassifierCard card) {
    this.network = network;
    this.card = card;
  }

  /**
   * Returns the built-in classifier of handwritten digits, trained on MNIST's training pictures.
   */
  public static PictureClassifier digits() {
    // Weights are mapped from a file, and a resource may lie inside an archive.
    try {
      Path copy = Files.createTempDirectory("sfumato-classifier");
      try {
        for (String name : new String[] {WEIGHTS, CARD}) {
          try (InputStream in = PictureClassifier.class.getResourceAsStream("digits/" + name)) {
            Files.copy(Objects.requireNonNull(in, name), copy.resolve(name));
          }
        }
        return load(copy);
      } finally {
        Files.deleteIfExists(copy.resolve(WEIGHTS));
        Files.deleteIfExists(copy.resolve(CARD));
        Files.deleteIfExists(copy);
      }
    } catch (IOException e) {
      throw new SfumatoException(
          "the temporary folder cannot be written: " + e.getMessage() + "; see TMPDIR", e);
    }
  }

  /**
   * Loads a classifier that {@link #save} wrote.
   *
   * @throws SfumatoException naming the missing or mismatched file
   */
  public static PictureClassifier load(Path directory) {
    if (!Files.isDirectory(directory)) {
      throw new SfumatoException(
          directory
              + ": there is no such classifier directory; make one with `trainClassifier`, or"
              + " leave out `classifier` for digits");
    }
    ClassifierCard card = JsonFile.read(directory.resolve(CARD), ClassifierCard.class);
    try (Scope scope = Scope.open();
        Construction made = Construction.begin()) {
      ClassifierNetwork network = new ClassifierNetwork(card);
      network.load(Weights.of(directory.resolve(WEIGHTS)));
      made.complete();
      return new PictureClassifier(network, card);
    }
  }

  /** Writes the classifier into {@code directory}, each file atomically. */
  public void save(Path directory) {
    Safetensors.write(directory.resolve(WEIGHTS), network.parameters(), Map.of("format", "pt"));
    JsonFile.write(directory.resolve(CARD), card);
  }

  /** Returns the card of this classifier. */
  public ClassifierCard card() {
    return card;
  }

  /**
   * Returns the labels of classes.
   *
   * @param words names or labels, separated by commas, or one name that has commas itself
   * @throws SfumatoException if one is neither
   */
  public long[] labels(String words) {
    List<String> known = card.classNames();
    return (known.contains(words) ? Stream.of(words) : Stream.of(words.split(",")))
        .mapToLong(this::label)
        .toArray();
  }

  private long label(String word) {
    ClassNames known = new ClassNames(card.classNames());
    return known.label(word).stream()
        .filter(label -> label >= 0 && label < known.names().size())
        .findFirst()
        .orElseThrow(
            () ->
                new SfumatoException(
                    String.format(
                        Locale.ROOT,
                        "the classifier has no class '%s': its classes are %s",
                        word,
                        known.inShort())));
  }

  /** Moves the weights to {@code device}. */
  public void to(Device device) {
    network.to(device);
  }

  /**
   * Requires that a network draws pictures that this classifier can read.
   *
   * @throws SfumatoException if it knows no classes or another number of them, or draws pictures of
   *     another size or in colour
   */
  public void requireSuits(ClassConditionedUNet denoiser) {
    int drawn = denoiser.conditioning().numClasses();
    int known = card.classNames().size();
    if (drawn == 0) {
      throw new SfumatoException("the model is not class-conditioned: leave out `classes`");
    }
    if (drawn != known) {
      throw new SfumatoException(
          String.format(
              Locale.ROOT,
              "the model has %d classes, but the classifier knows %d: give a suitable one as"
                  + " `classifier`",
              drawn,
              known));
    }
    ClassNames names = new ClassNames(denoiser.conditioning().classNames());
    ClassNames read = new ClassNames(card.classNames());
    if (!names.names().isEmpty() && !names.equals(read)) {
      throw new SfumatoException(
          String.format(
              Locale.ROOT,
              "the model's classes are %s, but the classifier's are %s: give another `classifier`",
              names.inShort(),
              read.inShort()));
    }
    List<Integer> size = denoiser.config().sampleSize();
    if (denoiser.channels() != card.channels()
        || size.stream().anyMatch(side -> side != card.side())) {
      throw new SfumatoException(
          String.format(
              Locale.ROOT,
              "the model draws %s pixels in %d channels, but the classifier reads %s",
              size,
              denoiser.channels(),
              card.pictures()));
    }
  }

  /**
   * Returns the most likely label of each picture.
   *
   * @param images (N, C, S, S) in [-1, 1]; values outside are clamped, as in saved pictures
   * @return N labels
   * @throws SfumatoException if the pictures have another shape
   */
  public int[] read(Tensor images) {
    requireSize(images);
    int[] labels = new int[(int) images.size(0)];
    Device device = network.device();
    for (int from = 0; from < labels.length; from += SLICE) {
      int size = Math.min(SLICE, labels.length - from);
      try (Scope scope = Scope.open();
          Autograd.Recording off = Autograd.off()) {
        Tensor slice = images.narrow(0, from, size).to(device).clamp(-1, 1);
        Tensor logits = network.forward(slice);
        if (!logits.isFinite()) {
          throw new SfumatoException(
              "the classifier's answers hold NaN or infinity: its weights are damaged");
        }
        long[] read = logits.argmax(1).toLongs();
        for (int i = 0; i < size; i++) {
          labels[from + i] = (int) read[i];
        }
      }
    }
    return labels;
  }

  /**
   * Returns the score of each class for each picture, with gradients if they are recorded.
   *
   * @param images (N, C, S, S) in [-1, 1], on the classifier's device
   * @return logits (N, classes)
   * @throws SfumatoException if the pictures have another shape
   */
  public Tensor logits(Tensor images) {
    requireSize(images);
    return Scope.run(() -> network.forward(images));
  }

  private void requireSize(Tensor images) {
    if (images.dim() != 4
        || images.size(1) != card.channels()
        || images.size(2) != card.side()
        || images.size(3) != card.side()) {
      throw new SfumatoException(
          String.format(
              Locale.ROOT,
              "the classifier reads pictures (N, %1$d, %2$d, %2$d), not %3$s",
              card.channels(),
              card.side(),
              Arrays.toString(images.shape())));
    }
  }

  /** Returns the most likely label of each picture of a data set, like {@link #read(Tensor)}. */
  public int[] read(Dataset dataset) {
    int[] labels = new int[dataset.size()];
    Batches batches = new Batches(dataset, new BatchOptions(SLICE, false, false, 0));
    try (BatchStream stream = batches.epoch(0).from(0)) {
      for (int from = 0; from < labels.length; from += SLICE) {
        try (Scope scope = Scope.open()) {
          int[] read = read(stream.next().images());
          System.arraycopy(read, 0, labels, from, read.length);
        }
      }
    }
    return labels;
  }

  /** Frees the weights. */
  @Override
  public void close() {
    network.close();
  }
}
