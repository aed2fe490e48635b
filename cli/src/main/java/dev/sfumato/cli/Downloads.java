package dev.sfumato.cli;

import dev.sfumato.data.Datasets;
import dev.sfumato.hub.FileChoice;
import dev.sfumato.hub.Hub;
import dev.sfumato.hub.ModelFiles;
import java.nio.file.Path;

/** Models and data that options name: what lies on this machine, or what the Hub has. */
final class Downloads {
  private Downloads() {}

  /**
   * The directory of a diffusion pipeline.
   *
   * @param name a path, if there is something, else {@code org/name} or {@code org/name@revision}
   * @throws dev.sfumato.SfumatoException if it is neither, or does not come
   */
  static Path pipeline(String name) {
    return model(name, ModelFiles::pipeline);
  }

  /** The directory or file of a CLIP model, named in the same ways. */
  static Path clip(String name) {
    return model(name, ModelFiles::clip);
  }

  /** Brings data of the Hub into its cache; data with another name are where they are. */
  static void data(String name) {
    if (Datasets.ofHub(name)) {
      try (StepProgress progress = StepProgress.ofBytes("download")) {
        Datasets.download(name, Hub.fromEnvironment(), progress::stepTo);
      }
    }
  }

  private static Path model(String name, FileChoice choice) {
    try (StepProgress progress = StepProgress.ofBytes("download")) {
      return Hub.fromEnvironment().locate(name, choice, progress::stepTo);
    }
  }
}
