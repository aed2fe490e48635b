package dev.sfumato.studio;

import dev.sfumato.SfumatoException;
import dev.sfumato.guidance.Prediction;
import dev.sfumato.hub.Hub;
import dev.sfumato.model.PictureSpace;
import dev.sfumato.picture.Pictures;
import dev.sfumato.pipeline.DiffusionPipeline;
import dev.sfumato.pipeline.PictureParameters;
import dev.sfumato.pipeline.PipelineFiles;
import dev.sfumato.sampling.Sampler;
import dev.sfumato.sampling.SamplingOptions;
import dev.sfumato.scheduler.Step;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.awt.image.BufferedImage;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import java.util.stream.LongStream;

/** Draws what the page asked for, shows it on the way, and puts it into the gallery. */
final class DrawingWork implements Job.Work {
  /** A look on the way costs at most a quarter of the time. */
  private static final int REST = 3;

  private static final long SHORTEST_REST = 60_000_000; // nanoseconds

  private final Drawing drawing;
  private final DrawingSettings settings;
  private final LoadedModel model;
  private final Gallery gallery;

  DrawingWork(Drawing drawing, DrawingSettings settings, LoadedModel model, Gallery gallery) {
    this.drawing = drawing;
    this.settings = settings;
    this.model = model;
    this.gallery = gallery;
  }

  @Override
  public Map<String, Object> run(Job job) {
    long start = System.nanoTime();
    job.interruptible();
    Path files = locate(drawing.model(), job);
    job.message("loading the model");
    List<String> clips = drawing.clips();
    model.makeRoom(clips);
    try {
      return drawn(job, files, start);
    } finally {
      model.makeRoom(clips.subList(Math.max(0, clips.size() - 1), clips.size())); // one stays
    }
  }

  private Map<String, Object> drawn(Job job, Path files, long start) {
    DiffusionPipeline pipeline = model.of(files, settings.loading());
    SamplingOptions options = pipeline.completed(settings.options());
    job.step(0, options.steps().getAsInt());
    Watcher watcher = new Watcher(job, pipeline.space(options));
    List<BufferedImage> pictures = pictures(pipeline, options, watcher);
    job.saving();
    Gallery.Entry entry =
        new Gallery.Entry(
            Gallery.newId(),
            drawing,
            options.steps().getAsInt(),
            options.height().getAsInt(),
            options.width().getAsInt(),
            (System.nanoTime() - start) / 1e9,
            watcher.losses,
            watcher.warning);
    gallery.add(
        entry,
        pictures,
        new PictureParameters(drawing.model(), options, pipeline.scheduler(options)));
    return Map.of("entry", entry.id(), "count", pictures.size(), "flagged", watcher.flagged);
  }

  /** Draws; if guides spoilt the pictures, the failure says so. */
  private static List<BufferedImage> pictures(
      DiffusionPipeline pipeline, SamplingOptions options, Watcher watcher) {
    try {
      return pipeline.draw(options, watcher);
    } catch (Sampler.NotFinite e) {
      throw watcher.warning == null
          ? e
          : new SfumatoException("no picture came of it: " + watcher.warning, e);
    }
  }

  /** Returns the files of a model, which may have to be downloaded. */
  static Path locate(String name, Job job) {
    return Hub.fromEnvironment()
        .locate(
            name,
            new PipelineFiles(),
            (done, all) ->
                job.message(
                    "downloading the model: "
                        + (all == 0 ? 0 : 100 * done / all)
                        + " percent of "
                        + all / 1_000_000
                        + " MB"));
  }

  /** Tells the page of each step. */
  private static final class Watcher implements Sampler.Listener {
    private final Job job;
    private final PictureSpace space;
    private final List<Map<String, Double>> losses = new ArrayList<>();
    private final List<Integer> flagged = new ArrayList<>();
    private String warning;
    private long next;

    Watcher(Job job, PictureSpace space) {
      this.job = job;
      this.space = space;
    }

    @Override
    public void onPrediction(Step step, Prediction prediction) {
      if (!prediction.losses().isEmpty()) {
        losses.add(prediction.losses());
        job.losses(prediction.losses());
      }
      if (warning == null && prediction.warning().isPresent()) {
        warning = prediction.warning().get();
        job.warning(warning);
      }
    }

    @Override
    public void onPredictedX0(Step step, Supplier<Tensor> x0) {
      long begun = System.nanoTime();
      if (begun < next) {
        return;
      }
      try (Scope scope = Scope.open()) {
        Tensor small = space.preview(x0.get());
        if (small.isFinite()) { // else the sampler says it
          job.pictures(
              LongStream.range(0, small.size(0))
                  .mapToObj(i -> Page.address(Pictures.plain(small.narrow(0, i, 1))))
                  .toList());
        }
      }
      long end = System.nanoTime();
      next = end + Math.max(SHORTEST_REST, REST * (end - begun));
    }

    @Override
    public void onStep(Step step, Tensor x) {
      job.step(step.index() + 1, step.count());
    }

    @Override
    public void onFlagged(int picture) {
      flagged.add(picture);
    }
  }
}
