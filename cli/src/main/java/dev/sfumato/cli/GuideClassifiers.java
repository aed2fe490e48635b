package dev.sfumato.cli;

import dev.sfumato.evaluation.PictureClassifier;
import dev.sfumato.tensor.Device;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** The classifiers that guides of a sampling ask. */
final class GuideClassifiers implements AutoCloseable {
  private final Device device;
  private final List<PictureClassifier> loaded = new ArrayList<>();

  GuideClassifiers(Device device) {
    this.device = device;
  }

  /** The classifier of a directory, or the one of digits that ships for null. */
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
