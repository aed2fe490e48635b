package dev.sfumato.data;

import dev.sfumato.SfumatoException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** Opens what {@code --data} names. */
public final class Datasets {
  private Datasets() {}

  /**
   * Opens a data set.
   *
   * @param data {@code mnist} or {@code fashion-mnist} (downloaded on first use), a folder of
   *     MNIST-format idx files, or a folder of pictures whose subfolders, if any, are classes
   * @param options how pictures are read
   * @throws SfumatoException if there is no such data set, it is empty, or it is damaged
   */
  public static Dataset open(String data, DataOptions options) {
    Optional<MnistDownload> known = MnistDownload.named(data);
    if (known.isPresent()) {
      Path folder = known.get().folder(MnistDownload.defaultCache());
      return IdxDataset.open(folder, known.get().classNames(), options);
    }
    Path folder = path(data);
    if (!Files.exists(folder)) {
      throw new SfumatoException(
          data
              + ": no such folder; --data takes a folder of pictures or of idx files, or the names"
              + " mnist and fashion-mnist");
    }
    if (!Files.isDirectory(folder)) {
      throw new SfumatoException(
          data + ": not a folder; --data takes a folder of pictures or of idx files");
    }
    return IdxDataset.isIn(folder)
        ? IdxDataset.open(folder, IdxDataset.DIGITS, options)
        : FolderDataset.open(folder, options);
  }

  /** Opens the test pictures that belong to a data set, where there are any: MNIST files only. */
  public static Optional<Dataset> openTestSplit(String data, DataOptions options) {
    DataOptions test = options.withSplit(DataOptions.Split.TEST);
    boolean present =
        MnistDownload.named(data).isPresent() || IdxDataset.isIn(path(data), test.split());
    return present ? Optional.of(open(data, test)) : Optional.empty();
  }

  /**
   * Returns the picture files of a folder and of its subfolders, in the order of their paths.
   *
   * @throws SfumatoException if the folder cannot be listed
   */
  public static List<Path> pictureFiles(Path folder) {
    return FolderDataset.pictureFiles(folder);
  }

  private static Path path(String data) {
    try {
      return Path.of(data);
    } catch (InvalidPathException e) {
      throw new SfumatoException(data + ": not the name of a folder", e);
    }
  }
}
