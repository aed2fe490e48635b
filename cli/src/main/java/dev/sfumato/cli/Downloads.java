package dev.sfumato.cli;

import dev.sfumato.SfumatoException;
import dev.sfumato.data.Datasets;
import dev.sfumato.hub.FileChoice;
import dev.sfumato.hub.Hub;
import dev.sfumato.hub.HubId;
import dev.sfumato.hub.Kind;
import dev.sfumato.hub.ModelFiles;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;

/** Models and data that options name: what lies on this machine, or what the Hub has. */
final class Downloads {
  private Downloads() {}

  /**
   * The directory of a diffusion pipeline.
   *
   * @param name a path, if there is something, else {@code org/name} or {@code org/name@revision}
   * @throws SfumatoException if it is neither, or cannot be had
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
    if (exists(name)) {
      return Path.of(name);
    }
    HubId id =
        HubId.parse(name)
            .orElseThrow(
                () ->
                    new SfumatoException(
                        name
                            + ": there is no such model directory, and it is no Hub id, which takes"
                            + " the form org/name or org/name@revision"));
    try (StepProgress progress = StepProgress.ofBytes("download")) {
      return Hub.fromEnvironment().snapshot(id, Kind.MODEL, choice, progress::stepTo);
    } catch (SfumatoException e) {
      throw new SfumatoException(
          name + ": there is no such model directory, and from the Hub: " + e.getMessage(), e);
    }
  }

  private static boolean exists(String name) {
    try {
      return Files.exists(Path.of(name));
    } catch (InvalidPathException e) {
      return false;
    }
  }
}
