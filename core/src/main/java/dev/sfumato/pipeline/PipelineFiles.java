package dev.sfumato.pipeline;

import dev.sfumato.hub.FileChoice;
import dev.sfumato.hub.ModelFiles;
import java.nio.file.Path;
import java.util.List;

/**
 * The files of a diffusion pipeline in a repository of the Hub. A pipeline with parts that are not
 * supported is refused before its weights are downloaded.
 */
public final class PipelineFiles implements FileChoice {
  @Override
  public List<String> among(List<String> files) {
    return ModelFiles.pipeline(files);
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
