package dev.sfumato.run;

import dev.sfumato.SfumatoException;
import dev.sfumato.data.DataOptions;
import dev.sfumato.data.Dataset;
import dev.sfumato.data.DatasetView;
import dev.sfumato.data.Datasets;
import dev.sfumato.data.Masks;
import dev.sfumato.data.TakenOnce;
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
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

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
   * Requires a place of their own for class pictures before they are drawn. Those that are there
   * must be readable.
   *
   * @param subjects the subjects' pictures as they were asked for
   * @param training these pictures
   */
  void requireSuit(TrainingPictures subjects, Dataset training) {
    String data = subjects.name();
    Path own = prior.data().toAbsolutePath().normalize();
    if (!Datasets.ofHub(data)
        && Files.isDirectory(Path.of(data))
        && own.startsWith(Path.of(data).toAbsolutePath().normalize())) {
      throw new SfumatoException(
          "`classData` "
              + prior.data()
              + " lies in `data` "
              + data
              + ", so class pictures would be taken for the subject's: choose a folder outside");
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
    return OutputDirectory.list(folder).stream()
        .filter(file -> PictureFormat.named(file.getFileName().toString()))
        .sorted()
        .toList();
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
   * Returns the subjects' pictures as often as an epoch takes them, those of each again from its
   * first until there is one for each of its class pictures.
   *
   * @throws SfumatoException if the subjects are not those of the class pictures
   */
  Dataset paired(Dataset training) {
    if (ofSeveral()) {
      List<String> folders =
          prior.byFolder().keySet().stream()
              .map(folder -> prior.data().relativize(folder).toString())
              .sorted()
              .toList();
      requireSame(training.classNames(), folders, "`classPrompt`: names");
    }
    return new TakenOnce(
        training,
        byFolder(training).values().stream()
            .map(own -> repeated(training, own))
            .flatMapToInt(
                own ->
                    IntStream.range(0, Math.max(own.length, prior.count()))
                        .map(i -> own[i % own.length]))
            .toArray());
  }

  private static int[] repeated(Dataset training, List<Integer> own) {
    int turns = own.stream().mapToInt(training::repeats).max().orElseThrow();
    return IntStream.range(0, turns)
        .flatMap(
            turn -> own.stream().mapToInt(i -> i).filter(index -> training.repeats(index) > turn))
        .toArray();
  }

  /** Returns the numbers of pictures by the folder of their class pictures. */
  private Map<Path, List<Integer>> byFolder(Dataset pictures) {
    return IntStream.range(0, pictures.size())
        .boxed()
        .collect(
            Collectors.groupingBy(
                i -> folder(pictures, i), LinkedHashMap::new, Collectors.toList()));
  }

  private Path folder(Dataset pictures, int index) {
    return ofSeveral()
        ? prior.data().resolve(pictures.classNames().get(pictures.label(index)))
        : prior.data();
  }

  /**
   * Opens the pictures for training, one for each picture of a subject: its class pictures in turn.
   *
   * @param training the pictures of {@link #paired}
   */
  ClassPictures open(Dataset training, DataOptions options) {
    Dataset pictures = read(prior.data(), like(training, options));
    if (ofSeveral()) {
      requireSame(training.classNames(), pictures.classNames(), prior.data() + ": has");
    }
    Map<Path, List<Integer>> classes = byFolder(pictures);
    int[] companions = new int[training.size()];
    byFolder(training)
        .forEach(
            (folder, own) -> {
              List<Integer> all = classes.get(folder);
              int count = Math.min(prior.count(), all.size());
              for (int i = 0; i < own.size(); i++) {
                companions[own.get(i)] = all.get(i % count);
              }
            });
    Map<Path, String> texts = prior.byFolder();
    List<String> captions =
        IntStream.range(0, pictures.size()).mapToObj(i -> texts.get(folder(pictures, i))).toList();
    return new ClassPictures(
        new DatasetView(new Captioned(pictures, captions), companions), prior.weight());
  }

  /** Returns the options for reading class pictures: as the subject's, but whole and untold. */
  private static DataOptions like(Dataset training, DataOptions options) {
    return options
        .withResolution(training.height())
        .withCenterCrop(true)
        .withSplit(DataOptions.Split.ALL)
        .withColumns(DataOptions.Columns.USUAL)
        .withMasks(Masks.NONE)
        .withTexts(DataOptions.Texts.OPTIONAL);
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
  private static final class Captioned extends DatasetView {
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
}
