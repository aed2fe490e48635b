package dev.sfumato.studio;

import dev.sfumato.SfumatoException;
import dev.sfumato.io.AtomicFile;
import dev.sfumato.pipeline.DiffusionPipeline;
import dev.sfumato.tensor.Device;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.Optional;

/** The model that drew last, which stays in memory. Only the thread of the jobs uses it. */
final class LoadedModel implements AutoCloseable {
  private record Kept(Path files, FileTime written, DiffusionPipeline pipeline) {}

  private final StudioOptions options;
  private Optional<Kept> kept = Optional.empty();

  LoadedModel(StudioOptions options) {
    this.options = options;
  }

  /** Returns the model in a directory or file, loaded anew if its files were written since. */
  DiffusionPipeline of(Path files) {
    FileTime written = written(files);
    if (kept.filter(k -> k.files().equals(files) && k.written().equals(written)).isEmpty()) {
      close(); // first: two models may not fit into the memory
      DiffusionPipeline pipeline = DiffusionPipeline.load(files);
      kept = Optional.of(new Kept(files, written, pipeline));
      pipeline.to(Device.parse(options.device()));
      pipeline.precision(options.precision());
    }
    return kept.get().pipeline();
  }

  private static FileTime written(Path files) {
    Path index = files.resolve("model_index.json");
    try {
      return Files.getLastModifiedTime(Files.exists(index) ? index : files);
    } catch (IOException e) {
      throw new SfumatoException(files + ": cannot be read: " + AtomicFile.reason(e), e);
    }
  }

  /** Frees the model. */
  @Override
  public void close() {
    kept.ifPresent(k -> k.pipeline().close());
    kept = Optional.empty();
  }
}
