package dev.sfumato.data;

import dev.sfumato.Printable;
import dev.sfumato.SfumatoException;
import dev.sfumato.picture.PictureFormat;
import java.lang.System.Logger.Level;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;
import java.util.stream.Stream;

/**
 * The picture files of one split of a folder or an archive, annotated as in the {@code datasets}
 * library's {@code imagefolder}.
 *
 * <p>Without metadata these are all picture files in the order of their names. With {@link
 * Metadata} they are the files that it names, in its order. The classes come from its label column
 * or, without one, from the {@linkplain Splits#classes folders}.
 *
 * @param present the names of all files
 * @param names those of the pictures; metadata may name files that are missing
 * @param columns those of the metadata
 */
record FileSource(
    PictureFiles files,
    Set<String> present,
    List<String> names,
    Annotations annotations,
    List<String> columns,
    MaskFiles masks,
    List<String> leftOut)
    implements PictureSource {
  private static final System.Logger log = System.getLogger(FileSource.class.getName());

  /**
   * Finds the pictures.
   *
   * @throws SfumatoException if there are none, or the metadata cannot be read or lack a column
   */
  static FileSource open(PictureFiles files, DataOptions options) {
    Splits splits = splits(files);
    MaskFiles masks = new MaskFiles(files.names());
    warnOfMasks(files, masks, options.masks());
    warnOfColumn(files, options.columns().image());
    List<String> pictures = splits.require(options.split(), files.origin());
    Metadata metadata = Metadata.of(files);
    Predicate<Metadata.Row> chosen = row -> splits.isOf(row.picture(), options.split());
    List<String> named =
        metadata.rows().stream().filter(chosen).map(Metadata.Row::picture).toList();
    if (metadata.rows().isEmpty()) {
      requireNoColumns(files, options.columns());
    } else if (named.isEmpty()) {
      throw new SfumatoException(
          String.format(
              Locale.ROOT,
              "%s: the metadata name no pictures of the split '%s'",
              files.origin(),
              options.split()));
    }
    Map<String, String> present = new HashMap<>();
    files.names().forEach(name -> present.put(EntryNames.canonical(name), name));
    List<String> names =
        metadata.rows().isEmpty()
            ? pictures
            : named.stream().map(n -> present.getOrDefault(EntryNames.canonical(n), n)).toList();
    warnOfUnnamed(files, pictures, names);
    warnOfNoSplit(files, splits, options.split());
    Annotations annotations =
        new CaptionFiles(files)
            .complete(
                metadata.annotations(chosen, options.columns(), files.origin()),
                names,
                options.texts());
    return new FileSource(
        files,
        Set.copyOf(present.values()),
        names,
        annotations.classNames().isEmpty()
            ? byFolder(splits, options.split(), names, annotations)
            : annotations,
        metadata.columns(),
        masks,
        leftOut(files, Set.copyOf(names), name -> splits.isOf(name, options.split())));
  }

  /** Returns the links that lead nowhere and the pictures of formats that are not read. */
  private static List<String> leftOut(
      PictureFiles files, Set<String> taken, Predicate<String> chosen) {
    return Stream.concat(
            files.danglingLinks().stream(),
            files.names().stream().filter(PictureFormat::unsupported))
        .filter(chosen)
        .filter(name -> !taken.contains(name))
        .sorted()
        .map(files::path)
        .toList();
  }

  /**
   * Returns the splits of the pictures.
   *
   * @throws SfumatoException if there are no pictures
   */
  static Splits splits(PictureFiles files) {
    MaskFiles masks = new MaskFiles(files.names());
    List<String> pictures =
        files.names().stream()
            .filter(PictureFormat::named)
            .filter(name -> !masks.has(name))
            .toList();
    if (pictures.isEmpty()) {
      throw new SfumatoException(
          files.origin() + ": no pictures (jpg, png, gif, bmp, webp), no Parquet and no idx files");
    }
    return new Splits(pictures);
  }

  /** Returns whether a file of this name is a picture, metadata or a caption. */
  static boolean uses(String name) {
    return PictureFormat.named(name) || Metadata.named(name) || CaptionFiles.named(name);
  }

  private static void requireNoColumns(PictureFiles files, DataOptions.Columns columns) {
    for (Column column : List.of(Column.label(columns), Column.caption(columns))) {
      if (!column.asked().isEmpty()) {
        throw new SfumatoException(
            String.format(
                Locale.ROOT,
                "%s: %s %s needs a metadata.jsonl or metadata.csv beside the pictures",
                files.origin(),
                column.option(),
                column.asked()));
      }
    }
  }

  private static void warnOfColumn(PictureFiles files, String column) {
    if (!column.isEmpty()) {
      log.log(
          Level.WARNING,
          Printable.shortened(files.origin())
              + ": the column of pictures, "
              + Printable.shortened(column)
              + ", has no effect: only Parquet files have one");
    }
  }

  private static void warnOfUnnamed(PictureFiles files, List<String> pictures, List<String> names) {
    Set<String> unnamed = new HashSet<>(pictures);
    names.forEach(unnamed::remove);
    if (!unnamed.isEmpty()) {
      log.log(
          Level.WARNING,
          Printable.shortened(files.origin())
              + ": pictures left out, since the metadata do not name them: "
              + unnamed.size());
    }
  }

  private static void warnOfNoSplit(PictureFiles files, Splits splits, DataOptions.Split split) {
    int stray = splits.ofNone();
    if (stray > 0 && split != DataOptions.Split.ALL) {
      log.log(
          Level.WARNING,
          String.format(
              Locale.ROOT,
              "%s: pictures left out, since they are in no split, while others are in %s: %s; `split`"
                  + " all takes all",
              Printable.shortened(files.origin()),
              splits.present(),
              stray));
    }
  }

  private static void warnOfMasks(PictureFiles files, MaskFiles masks, Masks place) {
    if (masks.count() > 0 && place != Masks.FILE) {
      log.log(
          Level.WARNING,
          Printable.shortened(files.origin())
              + ": masks beside pictures are not used: "
              + masks.count()
              + "; `masks` file uses them");
    }
  }

  /** Numbers the classes of all splits together, so that labels mean the same in each. */
  private static Annotations byFolder(
      Splits splits, DataOptions.Split split, List<String> names, Annotations annotations) {
    Map<String, String> classes = splits.classes(names, split);
    if (classes.isEmpty()) {
      return annotations;
    }
    List<String> all = new ArrayList<>(classes.values());
    splits
        .present()
        .forEach(other -> all.addAll(splits.classes(splits.files(other), other).values()));
    return annotations.withClasses(names.stream().map(classes::get).toList(), all);
  }

  @Override
  public String origin() {
    return files.origin();
  }

  @Override
  public int size() {
    return names.size();
  }

  @Override
  public String name(int index) {
    return files.path(names.get(index));
  }

  @Override
  public byte[] read(int index) {
    return files.read(file(index));
  }

  @Override
  public Beginning begin(int index) {
    return files.begin(file(index));
  }

  private String file(int index) {
    String name = names.get(index);
    if (!present.contains(name)) {
      throw new SfumatoException(name(index) + ": no such file");
    }
    return name;
  }

  @Override
  public boolean ofFiles() {
    return true;
  }

  @Override
  public Optional<byte[]> mask(int index) {
    return masks.of(file(index)).map(files::read);
  }
}
