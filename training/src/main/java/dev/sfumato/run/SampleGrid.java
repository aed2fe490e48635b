package dev.sfumato.run;

import dev.sfumato.data.Dataset;
import dev.sfumato.data.Frame;
import dev.sfumato.picture.Pictures;
import dev.sfumato.picture.Pixels;
import dev.sfumato.picture.Size;
import dev.sfumato.pipeline.DiffusionPipeline;
import dev.sfumato.pipeline.StableDiffusionPipeline;
import dev.sfumato.sampling.Sampler;
import dev.sfumato.sampling.SamplingOptions;
import dev.sfumato.sampling.TextOptions;
import dev.sfumato.scheduler.SchedulerKind;
import dev.sfumato.scheduler.Step;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.awt.image.BufferedImage;
import java.lang.System.Logger.Level;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import java.util.function.Predicate;
import java.util.stream.IntStream;
import java.util.stream.LongStream;

/**
 * Draws grids of pictures with the current weights. Each starts from the same noise, so two grids
 * of a run differ only by what the model has learned between them. An inpainting model completes
 * pictures of the data.
 *
 * @param pipeline the model
 * @param dataset pictures of the size to draw, those to complete
 * @param watch the number of pictures and steps
 */
record SampleGrid(DiffusionPipeline pipeline, Dataset dataset, WatchOptions watch) {
  private static final System.Logger log = System.getLogger(SampleGrid.class.getName());
  private static final long SEED = 0;

  /**
   * Draws a grid; a class-conditioned model draws its classes in turn.
   *
   * @param stopAsked asked after each step of the scheduler, with words for how far the grid is
   * @throws CancellationException if {@code stopAsked} says so
   */
  BufferedImage draw(Predicate<String> stopAsked) {
    int classes = ModelOptions.classesOf(pipeline).numClasses();
    SamplingOptions options =
        SamplingOptions.defaults()
            .withCount(watch.samples().drawn())
            .withSize(dataset.height(), dataset.width())
            .withSteps(Math.min(watch.samples().steps(), pipeline.scheduler().numTrainTimesteps()))
            .withLabels(LongStream.range(0, classes).toArray())
            .withScheduler(SchedulerKind.DDIM)
            .withSeed(SEED);
    try (Scope scope = Scope.open()) {
      return Pictures.grid(sample(options, stopAsked), rows(classes));
    }
  }

  /** Passes steps on. Texts that are too long were named before the training. */
  private record Watcher(Predicate<String> stopAsked, String start) implements Sampler.Listener {
    @Override
    public void onStep(Step step, Tensor x) {
      if (stopAsked.test(start + "step " + (step.index() + 1) + " of " + step.count())) {
        throw new CancellationException();
      }
    }

    @Override
    public void onCutPrompt(String warning) {}
  }

  /** Warns of requested texts that are too long; those of the data are told with the data. */
  void warnOfCuts() {
    if (!(pipeline instanceof StableDiffusionPipeline texts) || watch.samples().count() == 0) {
      return;
    }
    watch.samples().prompts().stream()
        .distinct()
        .filter(text -> texts.unreadTokens(text) > 0)
        .forEach(
            text ->
                log.log(
                    Level.WARNING,
                    "`validationPrompt` \""
                        + text
                        + "\" is too long for the text encoder, which does not read the last "
                        + texts.unreadTokens(text)
                        + " of its tokens: shorten it"));
  }

  private Tensor sample(SamplingOptions options, Predicate<String> stopAsked) {
    if (completes()) {
      List<Tensor> completed =
          IntStream.range(0, options.count())
              .mapToObj(i -> pipeline.sample(completion(i, options), watcher(i, stopAsked)))
              .toList();
      return Tensor.cat(completed, 0);
    }
    Watcher watcher = new Watcher(stopAsked, "");
    return pipeline instanceof StableDiffusionPipeline
        ? pipeline.sample(options.withText(TextOptions.NONE.withPrompts(prompts())), watcher)
        : pipeline.sample(options, watcher);
  }

  private Watcher watcher(int place, Predicate<String> stopAsked) {
    return new Watcher(
        stopAsked, "picture " + (place + 1) + " of " + watch.samples().drawn() + ", ");
  }

  /** Returns whether the model is one for inpainting. */
  private boolean completes() {
    return pipeline instanceof StableDiffusionPipeline texts && texts.denoiser().readsMasks();
  }

  /** Draws a part of the next picture anew: what is white in its mask, else its middle. */
  private SamplingOptions completion(int place, SamplingOptions options) {
    int index = place % dataset.size();
    Size size = new Size(dataset.height(), dataset.width());
    Frame frame = dataset.frame(index);
    Pixels redraw = dataset.mask(index).map(m -> frame.middle(m, size)).orElseGet(() -> half(size));
    return options
        .withCount(1)
        .withSeed(SEED + place)
        .withText(TextOptions.of(prompts().get(place)))
        .withInpainting(frame.middle(dataset.pixels(index), size), redraw);
  }

  /** Returns a mask that is white in the middle half of both sides. */
  private static Pixels half(Size size) {
    byte[] mask = new byte[(int) size.area()];
    for (int y = size.height() / 4; y < size.height() - size.height() / 4; y++) {
      int row = y * size.width();
      Arrays.fill(mask, row + size.width() / 4, row + size.width() - size.width() / 4, (byte) 255);
    }
    return new Pixels(1, size.height(), size.width(), mask);
  }

  /** Returns the rows of a report, if the model draws texts. */
  Optional<PromptRows> promptRows() {
    return pipeline instanceof StableDiffusionPipeline && watch.samples().drawn() > 0
        ? Optional.of(new PromptRows(prompts(), rows(0), completes()))
        : Optional.empty();
  }

  /** Returns a text for each picture: the requested ones in turn, else captions of the pictures. */
  private List<String> prompts() {
    List<String> all =
        watch.samples().prompts().isEmpty() ? dataset.captions() : watch.samples().prompts();
    return IntStream.range(0, watch.samples().drawn())
        .mapToObj(i -> all.get(i % all.size()))
        .toList();
  }

  /** Returns the number of rows: a column per class if the count allows it, else about square. */
  private int rows(int classes) {
    int count = watch.samples().drawn();
    return classes > 0 && count % classes == 0 ? count / classes : Pictures.squareRows(count);
  }
}
