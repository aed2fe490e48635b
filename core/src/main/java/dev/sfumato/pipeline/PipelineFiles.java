package dev.sfumato.pipeline;

import dev.sfumato.hub.FileChoice;
import dev.sfumato.hub.ModelFiles;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * The files of a diffusion pipeline in a repository of the Hub. A pipeline with parts that are not
 * supported is refused before its weights are downloaded.
 */
public final class PipelineFiles implements FileChoice {
  private final Optional<String> variant;

  /** Chooses weights in full precision where there are such. */
  public PipelineFiles() {
    this(Optional.empty());
  }

  /** Chooses weights of {@code variant}, such as {@code fp16}, where there are such. */
  public PipelineFiles(Optional<String> variant) {
    this.variant = variant;
  }

  @Override
  public List<String> among(List<String> files) {
    return ModelFiles.pipeline(files, variant);
  }

  @Override
  public void requireSupported(Path folder) {
    if (StableDiffusionPipeline.isIn(folder)) {
      StableDiffusionParts.requireSupported(folder);
    } else {
      PixelPipeline.unetConfig(folder);
    }
  }
}
