package dev.sfumato.data;

import dev.sfumato.SfumatoException;
import dev.sfumato.picture.Pixels;
import dev.sfumato.picture.Size;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

/**
 * The gray pictures of an idx file, held as bytes: 47 MB for the 60,000 of MNIST.
 *
 * @param labels by picture; empty if the pictures have no classes
 */
record IdxDataset(IdxFile images, byte[] labels, List<String> classNames, DataOptions options)
    implements Dataset {
  static final List<String> DIGITS = List.of("0", "1", "2", "3", "4", "5", "6", "7", "8", "9");

  /** Returns whether a folder has idx pictures of either split. */
  static boolean isIn(Path folder) {
    return !splits(folder).isEmpty();
  }

  /** Returns the splits for which a folder has idx pictures. */
  static Set<DataOptions.Split> splits(Path folder) {
    Set<DataOptions.Split> present = EnumSet.noneOf(DataOptions.Split.class);
    Stream.of(DataOptions.Split.values())
        .filter(split -> find(folder, split, "images", 3).isPresent())
        .forEach(present::add);
    return present;
  }

  /**
   * Opens a folder. Without a file of labels, the pictures have no classes.
   *
   * @param names the names of the classes, by label
   */
  static IdxDataset open(Path folder, List<String> names, DataOptions options) {
    Path pictures =
        find(folder, options.split(), "images", 3)
            .orElseThrow(
                () ->
                    new SfumatoException(
                        String.format(
                            Locale.ROOT,
                            "%s: no %s-images-idx3-ubyte(.gz) in this folder",
                            folder,
                            prefix(options.split()))));
    IdxFile images = IdxFile.read(pictures, 3);
    Optional<Path> classes = find(folder, options.split(), "labels", 1);
    if (classes.isEmpty()) {
      return new IdxDataset(images, new byte[0], List.of(), options);
    }
    IdxFile labels = IdxFile.read(classes.get(), 1);
    if (labels.shape()[0] != images.shape()[0]) {
      throw new SfumatoException(
          String.format(
              Locale.ROOT,
              "%s: %d labels, but %s has %d pictures",
              classes.get(),
              labels.shape()[0],
              pictures,
              images.shape()[0]));
    }
    checkRange(labels, names.size());
    return new IdxDataset(images, labels.values(), names, options);
  }

  private static void checkRange(IdxFile labels, int classes) {
    for (int i = 0; i < labels.values().length; i++) {
      int label = labels.values()[i] & 0xff;
      if (label >= classes) {
        throw new SfumatoException(
            String.format(
                Locale.ROOT,
                "%s: label %d of picture %d is out of range, must be 0 to %d",
                labels.path(),
                label,
                i,
                classes - 1));
      }
    }
  }

  private static Optional<Path> find(
      Path folder, DataOptions.Split split, String kind, int dimensions) {
    String stem = prefix(split) + "-" + kind;
    String suffix = "idx" + dimensions + "-ubyte";
    return Stream.of("-" + suffix, "." + suffix, "-" + suffix + ".gz", "." + suffix + ".gz")
        .map(ending -> folder.resolve(stem + ending))
        .filter(Files::isRegularFile)
        .findFirst();
  }

  private static String prefix(DataOptions.Split split) {
    return split == DataOptions.Split.TEST ? "t10k" : split.toString();
  }

  @Override
  public int size() {
    return images.shape()[0];
  }

  @Override
  public int channels() {
    return options.channels() == DataOptions.Channels.RGB ? 3 : 1;
  }

  @Override
  public int height() {
    return options.resolution() == DataOptions.NATIVE ? images.shape()[1] : options.resolution();
  }

  @Override
  public int width() {
    return options.resolution() == DataOptions.NATIVE ? images.shape()[2] : options.resolution();
  }

  @Override
  public int label(int index) {
    if (classNames.isEmpty()) {
      throw new IllegalStateException("these pictures have no classes");
    }
    return labels[index] & 0xff;
  }

  @Override
  public Pixels pixels(int index) {
    int rows = images.shape()[1];
    int columns = images.shape()[2];
    int from = index * rows * columns;
    byte[] bytes = Arrays.copyOfRange(images.values(), from, from + rows * columns);
    Pixels gray = new Pixels(1, rows, columns, bytes);
    if (options.resolution() == DataOptions.NATIVE) {
      return channels() == 3 ? gray.rgb() : gray;
    }
    return options.prepare(
        gray, Frame.square(new Size(rows, columns), options.resolution(), false));
  }
}
