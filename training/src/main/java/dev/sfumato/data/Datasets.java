package dev.sfumato.data;

import dev.sfumato.SfumatoException;
import dev.sfumato.data.DataOptions.Split;
import dev.sfumato.hub.FileChoice;
import dev.sfumato.hub.Hub;
import dev.sfumato.hub.HubId;
import dev.sfumato.hub.Kind;
import dev.sfumato.hub.ProgressListener;
import dev.sfumato.io.NearPaths;
import dev.sfumato.picture.PictureFormat;
import dev.sfumato.picture.PictureReader;
import dev.sfumato.picture.Pixels;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** Opens data sets by name or path. */
public final class Datasets {
  private Datasets() {}

  /** The prefix of an id of the Hugging Face Hub. */
  private static final String HUB = "hf:";

  private static final String FORMS =
      "pictures come as a folder of pictures, Parquet or idx files, a Parquet file, a zip or tar"
          + " archive of pictures, hf:org/name, or by the names mnist and fashion-mnist";

  /**
   * Opens a data set.
   *
   * <p>Folders and archives of pictures are read like the {@code datasets} library's {@code
   * imagefolder}: folders and files that are named after a {@linkplain Split split} belong to it;
   * {@code metadata.jsonl}, {@code metadata.csv} or {@code metadata.parquet} name the pictures,
   * with labels and captions; without them, the subfolders are classes if all pictures are in
   * subfolders. Archives in a folder are read with it.
   *
   * @param data {@code mnist} or {@code fashion-mnist} (downloaded on first use), {@code
   *     hf:org/name[@revision]}, a folder of MNIST-format idx files, of Parquet files or of
   *     pictures, a zip or tar archive of pictures, a Parquet file, or a pattern that Parquet files
   *     match, such as {@code data/train-*.parquet}
   * @param options the options for reading pictures
   * @throws SfumatoException if there is no such data set, it is empty, or it is damaged
   */
  public static Dataset open(String data, DataOptions options) {
    return open(data, options, Optional.empty());
  }

  /**
   * Opens a data set and tells at once what a look at its files finds, before they are decoded.
   *
   * @param look gets the findings; is not called for MNIST's format, whose pictures are all alike
   */
  public static Dataset open(String data, DataOptions options, Consumer<Survey> look) {
    return open(data, options, Optional.of(look));
  }

  private static Dataset open(String data, DataOptions options, Optional<Consumer<Survey>> look) {
    Optional<MnistDownload> known = MnistDownload.named(data);
    return known.isPresent() ? open(known.get(), options) : open(path(data), options, look);
  }

  /**
   * Looks at the files of a data set without decoding them.
   *
   * @param data a folder, an archive, Parquet files or a name, as in {@link #open}
   * @throws SfumatoException as {@link #open}, or if the data have MNIST's format
   */
  public static Survey survey(String data, DataOptions options) {
    if (MnistDownload.named(data).isPresent() || IdxDataset.isIn(path(data))) {
      throw new SfumatoException(
          data + ": pictures in one file, all of one size and without names");
    }
    return Survey.of(source(path(data), options), options);
  }

  /**
   * Downloads a data set of the Hugging Face Hub into its cache: the Parquet files of the
   * repository or, if it has none, its pictures. {@link #open} does the same without progress.
   *
   * @param data {@code hf:org/name[@revision]}
   * @return the folder with the files
   * @throws SfumatoException if {@code data} is not such an id, or a file cannot be downloaded
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

  /** Returns whether a name is an id of the Hugging Face Hub, {@code hf:...}. */
  public static boolean ofHub(String data) {
    return data.startsWith(HUB);
  }

  private static Dataset open(MnistDownload known, DataOptions options) {
    Path folder = known.folder(MnistDownload.defaultCache());
    return IdxDataset.open(folder, known.classNames(), options);
  }

  private static Dataset open(Path path, DataOptions options, Optional<Consumer<Survey>> look) {
    return IdxDataset.isIn(path)
        ? IdxDataset.open(path, IdxDataset.DIGITS, options)
        : PictureDataset.open(source(path, options), options, look);
  }

  /**
   * Opens the test pictures of a data set, if it has any: those of the split {@code test} or else
   * {@code validation}.
   *
   * @param options the options of the data set; for splits other than {@code train} the result is
   *     empty
   */
  public static Optional<Dataset> openTestSplit(String data, DataOptions options) {
    return openOther(data, options, List.of(Split.TEST, Split.VALIDATION));
  }

  /**
   * Opens the validation pictures like {@link #openTestSplit}, but prefers {@code validation} to
   * {@code test}.
   */
  public static Optional<Dataset> openValidationSplit(String data, DataOptions options) {
    return openOther(data, options, List.of(Split.VALIDATION, Split.TEST));
  }

  private static Optional<Dataset> openOther(String data, DataOptions options, List<Split> wanted) {
    if (options.split() != Split.TRAIN) {
      return Optional.empty();
    }
    Set<Split> present = splits(data);
    return wanted.stream()
        .filter(present::contains)
        .findFirst()
        .map(split -> open(data, options.withSplit(split)));
  }

  /**
   * Returns the splits of a data set. If no name tells a split, it has only {@link Split#TRAIN}.
   *
   * @param data the name or path, as in {@link #open}
   * @throws SfumatoException as {@link #open}
   */
  public static Set<Split> splits(String data) {
    if (MnistDownload.named(data).isPresent()) {
      return EnumSet.of(Split.TRAIN, Split.TEST);
    }
    Path path = path(data);
    if (IdxDataset.isIn(path)) {
      return IdxDataset.splits(path);
    }
    if (!Files.exists(path) || FileKind.isParquet(path)) {
      return EnumSet.of(Split.TRAIN);
    }
    PictureFiles files = files(path);
    List<String> parquet = files.names().stream().filter(ParquetNames::named).toList();
    return parquet.isEmpty() ? FileSource.splits(files).present() : new Splits(parquet).present();
  }

  /**
   * Returns the pictures of a data set, upright and in their own sizes, one after the other; those
   * of the test split, if it has one.
   *
   * @param data the name or path, as in {@link #open}
   * @throws SfumatoException as in {@link #open}; the stream throws it at a file that is not a
   *     picture
   */
  public static Stream<Pixels> pictures(String data) {
    return pictures(data, measured(data));
  }

  /** Returns the default split to measure: the test pictures, if any. */
  public static Split measured(String data) {
    Set<Split> present = splits(data);
    return Stream.of(Split.TEST, Split.VALIDATION, Split.TRAIN)
        .filter(present::contains)
        .findFirst()
        .orElse(Split.TRAIN);
  }

  /** Returns the pictures of one split, as {@link #pictures(String)}. */
  public static Stream<Pixels> pictures(String data, Split split) {
    DataOptions options = DataOptions.defaults().withSplit(split);
    Optional<MnistDownload> known = MnistDownload.named(data);
    if (known.isPresent()) {
      return pictures(open(known.get(), options));
    }
    Path path = path(data);
    if (IdxDataset.isIn(path)) {
      return pictures(open(path, options, Optional.empty()));
    }
    PictureSource source = source(path, options);
    return IntStream.range(0, source.size())
        .mapToObj(i -> PictureReader.read(source.read(i), source.name(i)));
  }

  private static Stream<Pixels> pictures(Dataset dataset) {
    return IntStream.range(0, dataset.size()).mapToObj(dataset::pixels);
  }

  private static PictureSource source(Path path, DataOptions options) {
    boolean present = Files.exists(path);
    if (!present || FileKind.isParquet(path)) {
      List<Path> tables = present ? List.of(path) : ParquetNames.matching(path);
      if (tables.isEmpty()) {
        throw new SfumatoException(
            path + ": there is no such folder or file" + meant(path.toString()) + "; " + FORMS);
      }
      return ParquetSource.open(path.toString(), tables, tables, options.columns());
    }
    PictureFiles files = files(path);
    List<String> parquet = files.names().stream().filter(ParquetNames::named).toList();
    if (parquet.isEmpty()) {
      return FileSource.open(files, options);
    }
    List<String> chosen = new Splits(parquet).require(options.split(), files.origin());
    ParquetSource source =
        ParquetSource.open(
            path.toString(), paths(path, chosen), paths(path, parquet), options.columns());
    if (!source.namesFiles()) {
      Archives.warnOfLeftOut(
          path,
          files.names().stream().filter(PictureFormat::named),
          "pictures beside Parquet files");
    }
    return source;
  }

  /** Suggests a folder or file of a near name, or the name as one of the Hub. */
  private static String meant(String name) {
    String near = NearPaths.asked(name);
    boolean ofHub = near.isEmpty() && !Path.of(name).isAbsolute() && HubId.parse(name).isPresent();
    return ofHub ? "; did you mean " + HUB + name + "?" : near;
  }

  private static List<Path> paths(Path folder, List<String> names) {
    FolderFiles files = FolderFiles.of(folder);
    return names.stream().map(files::file).toList();
  }

  private static PictureFiles files(Path path) {
    if (Files.isDirectory(path)) {
      return ArchivedFolder.of(FolderFiles.of(path));
    }
    if (FileKind.of(path) == FileKind.UNKNOWN) {
      throw new SfumatoException(path + ": neither Parquet nor a zip or tar archive; " + FORMS);
    }
    return FilesBelow.of(Archives.open(path));
  }

  /**
   * Returns the path of data: a path in the file system unchanged, an id of the Hub in its cache.
   */
  private static Path path(String data) {
    if (data.isEmpty()) { // otherwise the current folder
      throw new SfumatoException("the name of the data is empty");
    }
    if (ofHub(data)) {
      return download(data, Hub.fromEnvironment(), ProgressListener.NONE);
    }
    try {
      return Path.of(data);
    } catch (InvalidPathException e) {
      throw new SfumatoException(data + ": not the name of a file or folder", e);
    }
  }

  /** Chooses the Parquet files of a repository or, if it has none, its pictures and archives. */
  private static List<String> worthHaving(List<String> files) {
    List<String> visible = files.stream().filter(EntryNames::isVisible).toList();
    List<String> parquet = visible.stream().filter(ParquetNames::named).toList();
    List<String> pictures =
        visible.stream()
            .filter(name -> FileSource.uses(name) || EntryNames.isArchive(name))
            .toList();
    if (parquet.isEmpty() && pictures.isEmpty()) {
      throw new FileChoice.Missing("Parquet files and no pictures");
    }
    return parquet.isEmpty() ? pictures : parquet;
  }
}
