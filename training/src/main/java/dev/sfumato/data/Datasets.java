package dev.sfumato.data;

import dev.sfumato.SfumatoException;
import dev.sfumato.hub.FileChoice;
import dev.sfumato.hub.Hub;
import dev.sfumato.hub.HubId;
import dev.sfumato.hub.Kind;
import dev.sfumato.hub.ProgressListener;
import dev.sfumato.picture.PictureReader;
import dev.sfumato.picture.Pixels;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** Opens what {@code --data} names. */
public final class Datasets {
  private Datasets() {}

  /** What an id of the Hugging Face Hub begins with. */
  private static final String HUB = "hf:";

  private static final String FORMS =
      "--data takes a folder of pictures, Parquet or idx files, a Parquet file, a zip or tar archive"
          + " of pictures, hf:org/name, or the names mnist and fashion-mnist";

  /**
   * Opens a data set.
   *
   * <p>Folders and archives of pictures are taken as the {@code datasets} library's {@code
   * imagefolder} takes them: {@code metadata.jsonl} or {@code metadata.csv} name the pictures, with
   * labels and captions; else the subfolders, if all pictures lie in such, are classes.
   *
   * @param data {@code mnist} or {@code fashion-mnist} (downloaded on first use), {@code
   *     hf:org/name[@revision]}, a folder of MNIST-format idx files, of Parquet files or of
   *     pictures, a zip or tar archive of pictures, a Parquet file, or a pattern that Parquet files
   *     match, such as {@code data/train-*.parquet}
   * @param options how pictures are read
   * @throws SfumatoException if there is no such data set, it is empty, or it is damaged
   */
  public static Dataset open(String data, DataOptions options) {
    Optional<MnistDownload> known = MnistDownload.named(data);
    return known.isPresent() ? open(known.get(), options) : open(path(data), options);
  }

  /**
   * Brings a data set of the Hugging Face Hub into its cache: the Parquet files of the repository
   * or, where it has none, its pictures. {@link #open} does so too, silently.
   *
   * @param data {@code hf:org/name[@revision]}
   * @return the folder with the files
   * @throws SfumatoException if it is no such id, or the files cannot be had
   */
  public static Path download(String data, Hub hub, ProgressListener progress) {
    HubId repository =
        Optional.of(data)
            .filter(Datasets::ofHub)
            .flatMap(name -> HubId.parse(name.substring(HUB.length())))
            .orElseThrow(
                () -> new SfumatoException(data + ": not hf:org/name or hf:org/name@revision"));
    return hub.snapshot(repository, Kind.DATASET, Datasets::worthHaving, progress);
  }

  /** Whether a name is one of the Hugging Face Hub, {@code hf:...}. */
  public static boolean ofHub(String data) {
    return data.startsWith(HUB);
  }

  private static Dataset open(MnistDownload known, DataOptions options) {
    Path folder = known.folder(MnistDownload.defaultCache());
    return IdxDataset.open(folder, known.classNames(), options);
  }

  private static Dataset open(Path path, DataOptions options) {
    return IdxDataset.isIn(path)
        ? IdxDataset.open(path, IdxDataset.DIGITS, options)
        : PictureDataset.open(source(path, options), options);
  }

  /**
   * Opens the test pictures that belong to a data set, where there are any: of MNIST-format files,
   * and of folders of Parquet files that are named after their split.
   */
  public static Optional<Dataset> openTestSplit(String data, DataOptions options) {
    DataOptions test = options.withSplit(DataOptions.Split.TEST);
    Optional<MnistDownload> known = MnistDownload.named(data);
    if (known.isPresent()) {
      return Optional.of(open(known.get(), test));
    }
    Path path = path(data);
    return hasTestSplit(path) ? Optional.of(open(path, test)) : Optional.empty();
  }

  private static boolean hasTestSplit(Path path) {
    return IdxDataset.isIn(path)
        ? IdxDataset.isIn(path, DataOptions.Split.TEST)
        : Files.isDirectory(path) && !ParquetFolder.files(path, DataOptions.Split.TEST).isEmpty();
  }

  /**
   * Returns the pictures of a data set as they are, upright and in their own sizes, one after the
   * other: of the test split where there is one.
   *
   * @param data as {@link #open} takes it
   * @throws SfumatoException as {@link #open}; the stream throws it at a picture that is none
   */
  public static Stream<Pixels> pictures(String data) {
    DataOptions test = DataOptions.defaults().withSplit(DataOptions.Split.TEST);
    Optional<MnistDownload> known = MnistDownload.named(data);
    if (known.isPresent()) {
      return pictures(open(known.get(), test));
    }
    Path path = path(data);
    DataOptions options = hasTestSplit(path) ? test : DataOptions.defaults();
    if (IdxDataset.isIn(path)) {
      return pictures(open(path, options));
    }
    PictureSource source = source(path, options);
    return IntStream.range(0, source.size())
        .mapToObj(i -> PictureReader.read(source.read(i), source.name(i)));
  }

  private static Stream<Pixels> pictures(Dataset dataset) {
    return IntStream.range(0, dataset.size()).mapToObj(dataset::pixels);
  }

  private static PictureSource source(Path path, DataOptions options) {
    if (Files.isDirectory(path)) {
      List<Path> parquet = ParquetFolder.files(path, options.split());
      return parquet.isEmpty()
          ? FileSource.open(FolderFiles.of(path), options.columns())
          : ParquetSource.open(path.toString(), parquet, options.columns());
    }
    if (Files.exists(path)) {
      return ofFile(path, options.columns());
    }
    List<Path> matching = ParquetFolder.matching(path);
    if (matching.isEmpty()) {
      throw new SfumatoException(path + ": no such folder or file; " + FORMS);
    }
    return ParquetSource.open(path.toString(), matching, options.columns());
  }

  private static PictureSource ofFile(Path file, DataOptions.Columns columns) {
    return switch (FileKind.of(file)) {
      case PARQUET -> ParquetSource.open(file.toString(), List.of(file), columns);
      case ZIP -> FileSource.open(ZipFiles.open(file), columns);
      case TAR -> FileSource.open(TarFiles.open(file, false), columns);
      case COMPRESSED_TAR -> FileSource.open(TarFiles.open(file, true), columns);
      case UNKNOWN ->
          throw new SfumatoException(file + ": neither Parquet nor a zip or tar archive; " + FORMS);
    };
  }

  /** Returns where data are: a place in the file system as it is, those of the Hub in its cache. */
  private static Path path(String data) {
    if (ofHub(data)) {
      return download(data, Hub.fromEnvironment(), ProgressListener.NONE);
    }
    try {
      return Path.of(data);
    } catch (InvalidPathException e) {
      throw new SfumatoException(data + ": not the name of a file or folder", e);
    }
  }

  /** Chooses the Parquet files of a repository or, where it has none, its pictures. */
  private static List<String> worthHaving(List<String> files) {
    List<String> parquet = files.stream().filter(ParquetFolder::named).toList();
    List<String> pictures = files.stream().filter(FileSource::uses).toList();
    if (parquet.isEmpty() && pictures.isEmpty()) {
      throw new FileChoice.Missing("Parquet files and no pictures");
    }
    return parquet.isEmpty() ? pictures : parquet;
  }
}
