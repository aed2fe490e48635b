package dev.sfumato.run;

import dev.sfumato.SfumatoException;
import dev.sfumato.data.DataOptions;
import dev.sfumato.data.Dataset;
import dev.sfumato.data.DatasetView;
import dev.sfumato.data.Datasets;
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
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * The class pictures of a run, in their folders.
 *
 * @param prior the options
 */
record ClassFolders(PriorPreservation prior) {
  private static final int BATCH = 4;

  /** Returns whether pictures are missing. */
  boolean isIncomplete() {
    return prior.byFolder().keySet().stream().anyMatch(folder -> missing(folder) > 0);
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
   * Draws the missing pictures; each is complete or absent, so a run that was stopped meanwhile
   * goes on with the next.
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
              create(folder);
              for (int left = missing(folder); left > 0; left = missing(folder)) {
                listener.onTask(
                    String.format(
                        Locale.ROOT,
                        "drawing class pictures, %d of %d",
                        prior.count() - left + 1,
                        prior.count()));
                draw(base, folder, Math.min(left, BATCH), sized(text, side), seed, listener);
              }
            });
  }

  private static void create(Path folder) {
    try {
      AtomicFile.createDirectories(folder);
    } catch (IOException e) {
      throw new SfumatoException(folder + ": cannot be made: " + AtomicFile.reason(e), e);
    }
  }

  private static SamplingOptions sized(String text, int side) {
    SamplingOptions options = SamplingOptions.defaults().withText(TextOptions.of(text));
    return side == 0 ? options : options.withSize(side, side);
  }

  private static void draw(
      DiffusionPipeline base,
      Path folder,
      int count,
      SamplingOptions options,
      long seed,
      TrainingRun.Listener listener) {
    int first = pictures(folder).size();
    SamplingOptions drawn = options.withCount(count).withBatchSize(count).withSeed(seed + first);
    Sampler.Listener watcher =
        (step, x) -> {
          if (listener.stopAsked()) {
            throw new SfumatoException(
                folder
                    + ": stopped after "
                    + first
                    + " class pictures: the same call goes on with the next");
          }
        };
    for (BufferedImage picture : base.draw(drawn, watcher)) {
      Png.write(free(folder), picture);
    }
  }

  private static Path free(Path folder) {
    for (int i = pictures(folder).size(); ; i++) {
      Path file = folder.resolve(String.format(Locale.ROOT, "class-%05d.png", i));
      if (!Files.exists(file)) {
        return file;
      }
    }
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
    DataOptions like =
        options
            .withResolution(training.height())
            .withCenterCrop(true)
            .withSplit(DataOptions.Split.ALL)
            .withTexts(DataOptions.Texts.OPTIONAL.withPrompt(texts.values().iterator().next()));
    boolean several = !texts.containsKey(prior.data());
    Dataset pictures = Datasets.open(prior.data().toString(), like);
    if (!several) {
      int count = Math.min(prior.count(), pictures.size());
      return new ClassPictures(
          new Labelless(
              new DatasetView(pictures, IntStream.range(0, count).toArray()),
              Collections.nCopies(count, texts.get(prior.data()))),
          prior.weight());
    }
    requireSame(training.classNames(), pictures.classNames());
    List<String> captions = new ArrayList<>();
    for (int i = 0; i < pictures.size(); i++) {
      String name = pictures.classNames().get(pictures.label(i));
      captions.add(texts.get(prior.data().resolve(name)));
    }
    return new ClassPictures(new Captioned(pictures, captions), prior.weight());
  }

  private void requireSame(List<String> subjects, List<String> classes) {
    if (!subjects.equals(classes)) {
      throw new SfumatoException(
          prior.data()
              + ": has the folders "
              + String.join(", ", classes)
              + ", but the training pictures have "
              + (subjects.isEmpty() ? "none" : String.join(", ", subjects))
              + ": name each of these once in `classPrompt`");
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
