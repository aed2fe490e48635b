package dev.sfumato.studio;

import dev.sfumato.clip.ClipModel;
import dev.sfumato.hub.Hub;
import dev.sfumato.hub.ModelFiles;
import dev.sfumato.hub.ProgressListener;
import dev.sfumato.pipeline.DiffusionPipeline;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The CLIP models of a drawing's guides. The last one stays in memory for the next drawing. Only
 * the thread of the jobs uses them.
 */
final class LoadedClips implements AutoCloseable {
  private record Kept(FileTime written, ClipModel model) {}

  private final Map<String, Kept> kept = new HashMap<>();

  /**
   * Returns a CLIP model that computes where and as {@code pipeline} does, loaded anew if its files
   * were written since.
   *
   * @param name a directory or an id of the Hub
   */
  ClipModel of(String name, DiffusionPipeline pipeline) {
    Path files = locate(name);
    FileTime written = LoadedModel.written(files);
    Kept known = kept.get(name);
    if (known == null || !known.written().equals(written)) {
      free(List.of(name));
      known = new Kept(written, ClipModel.load(files));
      kept.put(name, known);
    }
    known.model().to(pipeline.denoiser().device());
    known.model().precision(pipeline.precision().ofGradients());
    return known.model();
  }

  /** Returns the files of a CLIP model, which may have to be downloaded. */
  static Path locate(String name) {
    return Hub.fromEnvironment().locate(name, ModelFiles::clip, ProgressListener.NONE);
  }

  /** Makes room for these models: frees all others, unless none is named. */
  void makeRoom(List<String> names) {
    if (!names.isEmpty()) {
      free(kept.keySet().stream().filter(name -> !names.contains(name)).toList());
    }
  }

  private void free(List<String> names) {
    names.stream().filter(kept::containsKey).forEach(name -> kept.remove(name).model().close());
  }

  @Override
  public void close() {
    free(List.copyOf(kept.keySet()));
  }
}
