package dev.sfumato.studio;

import dev.sfumato.SfumatoException;
import dev.sfumato.evaluation.PictureClassifier;
import dev.sfumato.guidance.GuideSpec;
import dev.sfumato.io.AtomicFile;
import dev.sfumato.pipeline.DiffusionPipeline;
import dev.sfumato.pipeline.LoadingOptions;
import dev.sfumato.tensor.Device;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * The model that drew last, with the CLIP model of its guides, in memory. Only the thread of the
 * jobs uses it.
 */
final class LoadedModel implements AutoCloseable {
  private record Kept(
      Path files, LoadingOptions options, List<FileTime> written, DiffusionPipeline pipeline) {
    boolean holds(Path otherFiles, LoadingOptions otherOptions, List<FileTime> otherWritten) {
      return files.equals(otherFiles)
          && options.equals(otherOptions)
          && written.equals(otherWritten);
    }
  }

  private final StudioOptions options;
  private final LoadedClips clips = new LoadedClips();
  private final List<PictureClassifier> classifiers = new ArrayList<>();
  private Optional<Kept> kept = Optional.empty();

  LoadedModel(StudioOptions options) {
    this.options = options;
  }

  /**
   * Returns the model in a directory or file, loaded anew if the options differ or the files were
   * written since.
   */
  DiffusionPipeline of(Path files, LoadingOptions how) {
    List<FileTime> written =
        Stream.of(
                Stream.of(files),
                how.loras().stream().map(LoadingOptions.Lora::path),
                how.words().stream())
            .flatMap(paths -> paths)
            .map(LoadedModel::written)
            .toList();
    Device device = Device.parse(options.device());
    if (kept.filter(k -> k.holds(files, how, written)).isEmpty()) {
      free(); // first: two models may not fit into the memory
      LoadingOptions asked = how.withPrecision(options.precision());
      DiffusionPipeline loaded =
          DiffusionPipeline.load(files, device.isCpu() ? asked : asked.withCompactWeights());
      kept = Optional.of(new Kept(files, how, written, loaded));
    }
    DiffusionPipeline pipeline = kept.get().pipeline();
    pipeline.to(device); // again, if the memory was too small for it before
    return pipeline;
  }

  /**
   * Makes room for the CLIP models of a drawing, as {@link LoadedClips#makeRoom}. Classifiers do
   * not stay.
   */
  void makeRoom(List<String> names) {
    clips.makeRoom(names);
    classifiers.forEach(PictureClassifier::close);
    classifiers.clear();
  }

  /** Returns a guide for the loaded model, with its CLIP model if its options name one. */
  GuideSpec complete(GuideSpec guide, Map<String, Object> settings) {
    Object name = settings.get("clip");
    return name == null
        ? guide
        : guide.withClip(clips.of(name.toString(), kept.orElseThrow().pipeline()));
  }

  /**
   * Returns a guide of the kind {@code class} with its classifier; empty means the built-in one.
   */
  GuideSpec classify(GuideSpec guide, String path) {
    PictureClassifier classifier =
        path.isEmpty() ? PictureClassifier.digits() : PictureClassifier.load(Path.of(path));
    classifiers.add(classifier);
    classifier.to(kept.orElseThrow().pipeline().denoiser().device());
    return guide.withClassifier(classifier::logits, classifier::labels);
  }

  static FileTime written(Path files) {
    Path index = files.resolve("model_index.json");
    try {
      return Files.getLastModifiedTime(Files.exists(index) ? index : files);
    } catch (IOException e) {
      throw new SfumatoException(files + ": cannot be read: " + AtomicFile.reason(e), e);
    }
  }

  /** Frees the models. */
  @Override
  public void close() {
    makeRoom(List.of());
    clips.close();
    free();
  }

  private void free() {
    kept.ifPresent(k -> k.pipeline().close());
    kept = Optional.empty();
  }
}
