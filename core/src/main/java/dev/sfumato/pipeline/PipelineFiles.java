package dev.sfumato.pipeline;

import dev.sfumato.hub.FileChoice;
import dev.sfumato.hub.Hub;
import dev.sfumato.hub.ModelFiles;
import dev.sfumato.hub.ProgressListener;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * The files of a diffusion pipeline in a repository of the Hub. A pipeline with parts that are not
 * supported is refused before its weights are downloaded.
 */
public final class PipelineFiles implements FileChoice {
  private final Optional<String> variant;
  private final boolean checks;

  /** Chooses weights in full precision where there are such. */
  public PipelineFiles() {
    this(Optional.empty(), true);
  }

  /**
   * Chooses weights of a variant where there are such.
   *
   * @param variant such as {@code fp16}
   * @param checks whether to take the model's safety checker, if it has one
   */
  public PipelineFiles(Optional<String> variant, boolean checks) {
    this.variant = variant;
    this.checks = checks;
  }

  /** Returns where the files of a model are that loads with these choices. */
  static Path locate(String directoryOrId, LoadingOptions options) {
    PipelineFiles files = new PipelineFiles(options.reading().variant(), options.checks());
    return Hub.fromEnvironment().locate(directoryOrId, files, ProgressListener.NONE);
  }

  @Override
  public List<String> among(List<String> files) {
    return ModelFiles.pipeline(files, variant).stream()
        .filter(file -> checks || !file.startsWith(ModelFiles.CHECKER))
        .toList();
  }

  @Override
  public void requireSupported(Path folder) {
    if (StableDiffusionPipeline.isIn(folder)) {
      StableDiffusionParts.requireSupported(folder);
    } else {
      PixelPipeline.unetConfig(folder);
      PixelPipeline.schedulerConfig(folder); // reading it checks it
    }
  }
}
