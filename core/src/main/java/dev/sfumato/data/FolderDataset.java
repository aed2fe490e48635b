package dev.sfumato.data;

import dev.sfumato.SfumatoException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.FileVisitOption;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The picture files of a folder and of its subfolders, in the order of their paths. Where all lie
 * in subfolders, the first level of these are the classes, in the order of their names.
 *
 * <p>Every file is decoded once when the folder is opened, since only decoding tells a whole
 * picture from a damaged one. The scaled pictures are kept as bytes up to a quarter of the heap;
 * those beyond are decoded again when they are asked for.
 */
final class FolderDataset implements Dataset {
  private static final Logger log = LoggerFactory.getLogger(FolderDataset.class);

  private final Path folder;
  private final List<Path> files;
  private final List<String> classNames;
  private final int[] labels;
  private final DataOptions options;
  private final int resolution;
  private final AtomicReferenceArray<Pixels> kept;
  private final AtomicLong room;

  private FolderDataset(
      Path folder,
      List<Path> files,
      List<String> classNames,
      DataOptions options,
      AtomicLong room) {
    this.folder = folder;
    this.files = files;
    this.classNames = classNames;
    this.labels =
        files.stream().mapToInt(file -> classNames.indexOf(className(folder, file))).toArray();
    this.options = options;
    this.resolution =
        options.resolution() == DataOptions.NATIVE
            ? DataOptions.FOLDER_RESOLUTION
            : options.resolution();
    this.kept = new AtomicReferenceArray<>(files.size());
    this.room = room;
  }

  /** Opens a folder, decoding every file of it. */
  static FolderDataset open(Path folder, DataOptions options) {
    List<Path> files = pictureFiles(folder);
    if (files.isEmpty()) {
      throw new SfumatoException(
          folder + ": no pictures (jpg, png, gif, bmp, webp) and no idx files in this folder");
    }
    AtomicLong room = new AtomicLong(Runtime.getRuntime().maxMemory() / 4);
    List<String> classes = classNames(folder, files);
    FolderDataset all = new FolderDataset(folder, files, classes, options, room);
    Map<Integer, String> bad = all.scan();
    return bad.isEmpty() ? all : all.without(bad);
  }

  static List<Path> pictureFiles(Path folder) {
    try (Stream<Path> paths = Files.walk(folder, FileVisitOption.FOLLOW_LINKS)) {
      return paths
          .filter(path -> isPicture(folder.relativize(path)))
          .filter(Files::isRegularFile)
          .sorted(Comparator.comparing(path -> portable(folder.relativize(path))))
          .toList();
    } catch (IOException | UncheckedIOException e) {
      throw new SfumatoException(folder + ": cannot be listed (" + e.getMessage() + ")", e);
    }
  }

  /** Hidden files and folders, and what archivers leave behind, are no data. */
  private static boolean isPicture(Path relative) {
    for (Path part : relative) {
      if (part.toString().startsWith(".") || part.toString().equals("__MACOSX")) {
        return false;
      }
    }
    return PictureFormat.named(relative.getFileName().toString());
  }

  private static String portable(Path relative) {
    return relative.toString().replace('\\', '/');
  }

  private static List<String> classNames(Path folder, List<Path> files) {
    // A folder that holds pictures itself, beside subfolders, has no classes.
    boolean flat = files.stream().anyMatch(file -> folder.relativize(file).getNameCount() == 1);
    return flat
        ? List.of()
        : files.stream().map(file -> className(folder, file)).distinct().sorted().toList();
  }

  private static String className(Path folder, Path file) {
    return folder.relativize(file).getName(0).toString();
  }

  /** Decodes all files, on all processors, and returns what is wrong with the bad ones. */
  private Map<Integer, String> scan() {
    Map<Integer, String> bad = new ConcurrentSkipListMap<>();
    IntStream.range(0, files.size())
        .parallel()
        .forEach(
            index -> {
              try {
                pixels(index);
              } catch (SfumatoException e) {
                bad.put(index, e.getMessage());
              }
            });
    return new TreeMap<>(bad);
  }

  private FolderDataset without(Map<Integer, String> bad) {
    if (options.onBadImage() == DataOptions.OnBadImage.FAIL) {
      throw new SfumatoException(
          "%d of %d files are no pictures to train on (--on-bad-image skip leaves them out): %s"
              .formatted(bad.size(), files.size(), String.join("; ", bad.values())));
    }
    bad.values().forEach(reason -> log.warn("skipped {}", reason));
    if (bad.size() == files.size()) {
      throw new SfumatoException(
          folder + ": none of the " + files.size() + " files can be read as a picture");
    }
    List<Path> good = new ArrayList<>();
    List<Pixels> pixels = new ArrayList<>();
    for (int i = 0; i < files.size(); i++) {
      if (!bad.containsKey(i)) {
        good.add(files.get(i));
        pixels.add(kept.get(i));
      }
    }
    // A class all of whose pictures are bad stays, so that labels mean the same on every machine.
    FolderDataset rest = new FolderDataset(folder, List.copyOf(good), classNames, options, room);
    for (int i = 0; i < pixels.size(); i++) {
      rest.kept.set(i, pixels.get(i));
    }
    return rest;
  }

  @Override
  public int size() {
    return files.size();
  }

  @Override
  public int channels() {
    return options.channels() == DataOptions.Channels.GRAY ? 1 : 3;
  }

  @Override
  public int height() {
    return resolution;
  }

  @Override
  public int width() {
    return resolution;
  }

  @Override
  public List<String> classNames() {
    return classNames;
  }

  @Override
  public int label(int index) {
    if (classNames.isEmpty()) {
      throw new IllegalStateException("these pictures have no classes");
    }
    return labels[index];
  }

  @Override
  public Pixels pixels(int index) {
    Pixels known = kept.get(index);
    if (known != null) {
      return known;
    }
    Path file = files.get(index);
    Pixels decoded = PictureReader.read(file);
    checkProportions(decoded, file);
    Pixels prepared = options.prepare(decoded, resolution);
    int bytes = prepared.values().length;
    if (room.addAndGet(-bytes) >= 0) {
      kept.set(index, prepared);
    } else {
      room.addAndGet(bytes);
    }
    return prepared;
  }

  /** A line of pixels could grow beyond all bounds when its smaller edge is scaled up. */
  private void checkProportions(Pixels picture, Path file) {
    long shorter = Math.min(picture.height(), picture.width());
    long longer = Math.max(picture.height(), picture.width());
    if ((double) resolution * resolution * longer / shorter > PictureReader.MAX_PIXELS) {
      throw new SfumatoException(
          "%s: %d x %d pixels are too long a strip to scale to a resolution of %d"
              .formatted(file, picture.width(), picture.height(), resolution));
    }
  }
}
