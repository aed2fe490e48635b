package dev.sfumato.run;

import dev.sfumato.SfumatoException;
import dev.sfumato.data.DataOptions;
import dev.sfumato.data.Dataset;
import dev.sfumato.data.DatasetView;
import dev.sfumato.data.Datasets;
import dev.sfumato.data.Masks;
import dev.sfumato.io.AtomicFile;
import dev.sfumato.picture.PictureFormat;
import dev.sfumato.picture.Png;
import dev.sfumato.pipeline.DiffusionPipeline;
import dev.sfumato.sampling.Sampler;
import dev.sfumato.sampling.SamplingOptions;
import dev.sfumato.sampling.TextOptions;
import dev.sfumato.training.ClassPictures;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * The class pictures of a run, in their folders.
 *
 * @param prior the options
 */
record ClassFolders(PriorPreservation prior) {
  private static final int GROUP = 4; // pictures drawn at once

  /** Returns whether pictures are missing. */
  boolean isIncomplete() {
    return prior.byFolder().keySet().stream().anyMatch(folder -> missing(folder) > 0);
  }

  /** Returns whether there are several subjects, each with a folder. */
  private boolean ofSeveral() {
    return !prior.byFolder().containsKey(prior.data());
  }

  /**
   * Requires class pictures for each subject, in a place of their own, before they are drawn. Those
   * that are there must be readable.
   *
   * @param subjects the subjects' pictures as they were asked for
   * @param training these pictures
   */
  void requireSuit(TrainingPictures subjects, Dataset training) {
    String data = subjects.name();
    Path own = prior.data().toAbsolutePath().normalize();
    if (Files.isDirectory(Path.of(data))
        && own.startsWith(Path.of(data).toAbsolutePath().normalize())) {
      throw new SfumatoException(
          "`classData` "
              + prior.data()
              + " lies in `data` "
              + data
              + ", so class pictures would be taken for the subject's: choose a folder outside");
    }
    if (ofSeveral()) {
      List<String> folders =
          prior.byFolder().keySet().stream()
              .map(folder -> prior.data().relativize(folder).toString())
              .sorted()
              .toList();
      requireSame(training.classNames(), folders, "`classPrompt`: names");
    }
    prior.byFolder().keySet().stream()
        .filter(folder -> !pictures(folder).isEmpty())
        .forEach(folder -> read(folder, like(training, subjects.options())));
  }

  private static Dataset read(Path folder, DataOptions options) {
    try {
      return Datasets.open(folder.toString(), options);
    } catch (SfumatoException e) {
      throw new SfumatoException(
          "class pictures: " + e.getMessage() + "; deleted ones are drawn anew", e);
    }
  }

  private int missing(Path folder) {
    return Math.max(0, prior.count() - pictures(folder).size());
  }

  private static List<Path> pictures(Path folder) {
    if (!Files.isDirectory(folder)) {
      return List.of();
    }
    try (Stream<Path> files = Files.list(folder)) {
      return files
          .filter(file -> PictureFormat.named(file.getFileName().toString()))
          .sorted()
          .toList();
    } catch (IOException e) {
      throw new SfumatoException(folder + ": cannot be listed: " + AtomicFile.reason(e), e);
    }
  }

  /**
   * Draws the missing pictures. Each is a function of the model, the options and its number alone,
   * and complete or absent: a run that was stopped or killed meanwhile gets the same pictures when
   * it goes on. What a killed process left half-written is deleted.
   *
   * @param side the side of the pictures in pixels; 0 for the model's own
   * @param seed of their noise
   * @throws SfumatoException if the user asks to stop
   */
  void complete(DiffusionPipeline base, int side, long seed, TrainingRun.Listener listener) {
    prior
        .byFolder()
        .forEach(
            (folder, text) -> {
              prepare(folder);
              for (int left = missing(folder); left > 0; left = missing(folder)) {
                listener.onTask(
                    String.format(
                        Locale.ROOT,
                        "drawing class pictures, %d of %d",
                        prior.count() - left + 1,
                        prior.count()));
                draw(base, folder, left, sized(text, side).withSeed(seed), listener);
              }
            });
  }

  private static void prepare(Path folder) {
    try {
      AtomicFile.createDirectories(folder);
      AtomicFile.deleteLeftovers(folder, Duration.ZERO);
    } catch (IOException e) {
      throw new SfumatoException(folder + ": cannot be made: " + AtomicFile.reason(e), e);
    }
  }

  private static SamplingOptions sized(String text, int side) {
    SamplingOptions options = SamplingOptions.defaults().withText(TextOptions.of(text));
    return side == 0 ? options : options.withSize(side, side);
  }

  /** Draws the group of pictures in which the first one is missing, and writes those missing. */
  private static void draw(
      DiffusionPipeline base,
      Path folder,
      int most,
      SamplingOptions options,
      TrainingRun.Listener listener) {
    int done = pictures(folder).size();
    Sampler.Listener watcher =
        (step, x) -> {
          if (listener.stopAsked()) {
            throw new SfumatoException(
                folder
                    + ": stopped after "
                    + done
                    + " class pictures: the same call goes on with the next");
          }
        };
    int free = 0;
    while (Files.exists(file(folder, free))) {
      free++;
    }
    int first = free - free % GROUP;
    SamplingOptions drawn =
        options.withCount(GROUP).withBatchSize(GROUP).withSeed(options.seed() + first);
    List<BufferedImage> images = base.draw(drawn, watcher);
    IntStream.range(0, GROUP)
        .filter(i -> !Files.exists(file(folder, first + i)))
        .limit(most)
        .forEach(i -> Png.write(file(folder, first + i), images.get(i)));
  }

  private static Path file(Path folder, int number) {
    return folder.resolve(String.format(Locale.ROOT, "class-%05d.png", number));
  }

  /**
   * Returns the subject's pictures, again from the first until there is one for each class picture.
   */
  Dataset paired(Dataset training) {
    int all = prior.count() * prior.byFolder().size();
    int own = training.size();
    return own >= all
        ? training
        : new DatasetView(training, IntStream.range(0, all).map(i -> i % own).toArray());
  }

  /**
   * Opens the pictures for training.
   *
   * @param training the subject's pictures, whose size and classes these must have
   */
  ClassPictures open(Dataset training, DataOptions options) {
    Map<Path, String> texts = prior.byFolder();
    Dataset pictures = read(prior.data(), like(training, options));
    if (!ofSeveral()) {
      int count = Math.min(prior.count(), pictures.size());
      return new ClassPictures(
          new Labelless(
              new DatasetView(pictures, IntStream.range(0, count).toArray()),
              Collections.nCopies(count, texts.get(prior.data()))),
          prior.weight());
    }
    requireSame(training.classNames(), pictures.classNames(), prior.data() + ": has");
    List<String> captions = new ArrayList<>();
    for (int i = 0; i < pictures.size(); i++) {
      String name = pictures.classNames().get(pictures.label(i));
      captions.add(texts.get(prior.data().resolve(name)));
    }
    return new ClassPictures(new Captioned(pictures, captions), prior.weight());
  }

  /** Returns the options for reading class pictures: as the subject's, but whole and untold. */
  private DataOptions like(Dataset training, DataOptions options) {
    return options
        .withResolution(training.height())
        .withCenterCrop(true)
        .withSplit(DataOptions.Split.ALL)
        .withColumns(DataOptions.Columns.USUAL)
        .withMasks(Masks.NONE)
        .withTexts(DataOptions.Texts.OPTIONAL.withPrompt(prior.prompts().get(0)));
  }

  private static void requireSame(List<String> subjects, List<String> classes, String place) {
    if (!Set.copyOf(subjects).equals(Set.copyOf(classes))) {
      throw new SfumatoException(
          place
              + " the folders "
              + String.join(", ", classes)
              + ", but the training pictures "
              + (subjects.isEmpty()
                  ? "lie in none: give each subject a folder of its own"
                  : "have "
                      + String.join(", ", subjects)
                      + ": name each of these once in `classPrompt`"));
    }
  }

  /** Pictures with other captions. */
  private static class Captioned extends DatasetView {
    private final List<String> captions;

    Captioned(Dataset original, List<String> captions) {
      super(original);
      this.captions = captions;
    }

    @Override
    public List<String> captions() {
      return captions;
    }
  }

  /** Pictures with other captions and without classes. */
  private static final class Labelless extends Captioned {
    Labelless(Dataset original, List<String> captions) {
      super(original, captions);
    }

    @Override
    public List<String> classNames() {
      return List.of();
    }
  }
}
