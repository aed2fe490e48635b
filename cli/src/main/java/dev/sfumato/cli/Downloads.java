package dev.sfumato.cli;

import dev.sfumato.data.Datasets;
import dev.sfumato.hub.FileChoice;
import dev.sfumato.hub.Hub;
import dev.sfumato.hub.ModelFiles;
import dev.sfumato.hub.ProgressListener;
import dev.sfumato.pipeline.PipelineFiles;
import java.nio.file.Path;
import java.util.Optional;

/** Models and data named by options: local paths or downloads from the Hub. */
final class Downloads {
  private Downloads() {}

  /**
   * Returns the directory of a diffusion pipeline.
   *
   * @param name an existing path, else {@code org/name} or {@code org/name@revision}
   * @throws dev.sfumato.SfumatoException if it is neither, or cannot be downloaded
   */
  static Path pipeline(String name) {
    return pipeline(name, null, true);
  }

  /**
   * Returns the same.
   *
   * @param variant of the weights, or null
   * @param checks whether to take its safety checker, if it has one
   */
  static Path pipeline(String name, String variant, boolean checks) {
    return model(name, new PipelineFiles(Optional.ofNullable(variant), checks));
  }

  /** Returns the directory or file of an autoencoder, named in the same ways. */
  static Path autoencoder(String name) {
    return model(name, ModelFiles::autoencoder);
  }

  /** Returns the directory or file of a LoRA, named in the same ways. */
  static Path lora(String name) {
    return model(name, ModelFiles::lora);
  }

  /** Returns the directory or file of a CLIP model, named in the same ways. */
  static Path clip(String name) {
    return model(name, ModelFiles::clip);
  }

  /** Downloads data of the Hub into its cache; other data stay in place. */
  static void data(String name) {
    if (Datasets.ofHub(name)) {
      try (Bar bar = new Bar()) {
        Datasets.download(name, Hub.fromEnvironment(), bar);
      }
    }
  }

  private static Path model(String name, FileChoice choice) {
    try (Bar bar = new Bar()) {
      return Hub.fromEnvironment().locate(name, choice, bar);
    }
  }

  /** A bar that appears with the first bytes, if there are any to download. */
  private static final class Bar implements ProgressListener, AutoCloseable {
    private StepProgress progress;

    @Override
    public synchronized void onProgress(long done, long total) {
      if (progress == null) {
        progress = StepProgress.ofBytes("download");
      }
      progress.stepTo(done, total);
    }

    @Override
    public synchronized void close() {
      if (progress != null) {
        progress.close();
      }
    }
  }
}
