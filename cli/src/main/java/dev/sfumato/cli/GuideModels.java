package dev.sfumato.cli;

import dev.sfumato.checkpoint.AutoencoderFile;
import dev.sfumato.evaluation.PictureClassifier;
import dev.sfumato.model.AutoencoderTiny;
import dev.sfumato.tensor.Device;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;

/** The classifiers and decoders used by the guides of a sampling. */
final class GuideModels implements AutoCloseable {
  private final Device device;
  private final Deque<Runnable> frees = new ArrayDeque<>();

  GuideModels(Device device) {
    this.device = device;
  }

  /** Returns the classifier in a directory, or the built-in one for digits if null. */
  PictureClassifier classifier(Path directory) {
    PictureClassifier classifier =
        directory == null ? PictureClassifier.digits() : PictureClassifier.load(directory);
    frees.push(classifier::close);
    classifier.to(device);
    return classifier;
  }

  /** Returns the small autoencoder in a directory or a repository of the Hub. */
  AutoencoderTiny decoder(String name) {
    AutoencoderTiny decoder = AutoencoderFile.loadTiny(Downloads.autoencoder(name));
    frees.push(decoder::close);
    decoder.to(device);
    return decoder;
  }

  @Override
  public void close() {
    frees.forEach(Runnable::run);
  }
}
