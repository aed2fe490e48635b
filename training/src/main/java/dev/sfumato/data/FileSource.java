package dev.sfumato.data;

import dev.sfumato.SfumatoException;
import dev.sfumato.picture.PictureFormat;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The picture files of a folder or an archive, with what is said about them as in the {@code
 * datasets} library's {@code imagefolder}.
 *
 * <p>Without metadata these are all picture files in the order of their names. With {@code
 * metadata.jsonl} or {@code metadata.csv} they are the files that it names, in its order. Classes
 * are those of its label column; where there is none and all pictures lie in subfolders, the first
 * level of these.
 */
final class FileSource implements PictureSource {
  private static final Logger log = LoggerFactory.getLogger(FileSource.class);

  private final PictureFiles files;
  private final Set<String> present;
  private final List<String> names;
  private final Annotations annotations;

  private FileSource(
      PictureFiles files, Set<String> present, List<String> names, Annotations annotations) {
    this.files = files;
    this.present = present;
    this.names = names;
    this.annotations = annotations;
  }

  /**
   * Finds the pictures.
   *
   * @throws SfumatoException if there are none, or the metadata cannot be read or lack a column
   */
  static FileSource open(PictureFiles files, DataOptions.Columns columns) {
    List<String> pictures = files.names().stream().filter(PictureFormat::named).toList();
    if (pictures.isEmpty()) {
      throw new SfumatoException(
          files.origin() + ": no pictures (jpg, png, gif, bmp, webp), no Parquet and no idx files");
    }
    Metadata metadata = Metadata.of(files);
    if (metadata.rows().isEmpty()) {
      requireNoColumns(files, columns);
    }
    List<String> names =
        metadata.rows().isEmpty()
            ? pictures
            : metadata.rows().stream().map(Metadata.Row::picture).toList();
    warnOfUnnamed(files, pictures, names);
    Annotations annotations = metadata.annotations(columns, files.origin());
    return new FileSource(
        files,
        Set.copyOf(files.names()),
        names,
        annotations.classNames().isEmpty() ? byFolder(names, annotations) : annotations);
  }

  /** Returns whether a file of this name is a picture or tells of pictures. */
  static boolean uses(String name) {
    return PictureFormat.named(name) || Metadata.named(name);
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

  private static void warnOfUnnamed(PictureFiles files, List<String> pictures, List<String> names) {
    Set<String> unnamed = new HashSet<>(pictures);
    names.forEach(unnamed::remove);
    if (!unnamed.isEmpty()) {
      log.warn("{}: left out {} files that the metadata leave out", files.origin(), unnamed.size());
    }
  }

  private static Annotations byFolder(List<String> names, Annotations annotations) {
    // A folder that holds pictures itself, beside subfolders, has no classes.
    boolean flat = names.stream().anyMatch(name -> name.indexOf('/') < 0);
    return flat
        ? annotations
        : annotations.withClasses(
            names.stream().map(name -> name.substring(0, name.indexOf('/'))).toList());
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
    if (!present.contains(names.get(index))) { // metadata may name anything
      throw new SfumatoException(name(index) + ": no such file");
    }
    return files.read(names.get(index));
  }

  @Override
  public Annotations annotations() {
    return annotations;
  }
}
