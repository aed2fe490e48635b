package dev.sfumato.cli;

import dev.sfumato.evaluation.PictureClassifier;
import dev.sfumato.tensor.Device;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** The classifiers used by the guides of a sampling. */
final class GuideClassifiers implements AutoCloseable {
  private final Device device;
  private final List<PictureClassifier> loaded = new ArrayList<>();

  GuideClassifiers(Device device) {
    this.device = device;
  }

  /** Returns the classifier in a directory, or the built-in one for digits if null. */
  PictureClassifier load(Path directory) {
    PictureClassifier classifier =
        directory == null ? PictureClassifier.digits() : PictureClassifier.load(directory);
    loaded.add(classifier);
    classifier.to(device);
    return classifier;
  }

  @Override
  public void close() {
    loaded.forEach(PictureClassifier::close);
  }
}
