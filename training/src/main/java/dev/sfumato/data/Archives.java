package dev.sfumato.data;

import dev.sfumato.Printable;
import dev.sfumato.SfumatoException;
import dev.sfumato.io.AtomicFile;
import dev.sfumato.picture.PictureFormat;
import java.io.IOException;
import java.lang.System.Logger.Level;
import java.nio.file.Path;
import java.util.Locale;
import java.util.SortedMap;
import java.util.stream.Stream;

/** Opens archives of pictures. */
final class Archives {
  /** Largest ratio of unpacked to packed size; anything beyond it is made to fill the disk. */
  private static final long MAX_RATIO = 200;

  private static final System.Logger log = System.getLogger(Archives.class.getName());

  private Archives() {}

  /**
   * Opens a zip or tar archive, recognised by its content.
   *
   * @throws SfumatoException if it is damaged or something else
   */
  static PictureFiles open(Path file) {
    FileKind kind = FileKind.of(file);
    if (kind == FileKind.PARQUET || kind == FileKind.UNKNOWN) {
      throw new SfumatoException(file + ": not a zip or tar archive");
    }
    try {
      return switch (kind) {
        case ZIP -> ZipFiles.open(file);
        case TAR -> TarFiles.inPlace(file);
        default -> TarFiles.copied(file);
      };
    } catch (IOException | RuntimeException e) {
      throw new SfumatoException(
          String.format(
              Locale.ROOT,
              "%s: not a %s archive that can be read (%s)",
              file,
              kind == FileKind.ZIP ? "zip" : "tar",
              e instanceof IOException io ? AtomicFile.reason(io) : e.getMessage()),
          e);
    } catch (OutOfMemoryError e) {
      throw new SfumatoException(file + ": names too long for the memory", e);
    }
  }

  /** Returns whether an entry is of use. Entries are never written to the paths that they name. */
  static boolean wanted(String name) {
    return EntryNames.isVisible(name)
        && (FileSource.uses(name) || PictureFormat.unsupported(name)); // to be told
  }

  /** Removes the entries that are of no use, with a warning of archives in the archive. */
  static void keepWanted(Path archive, SortedMap<String, ?> entries) {
    warnOfLeftOut(
        archive, entries.keySet().stream().filter(EntryNames::isArchive), "archives within");
    entries.keySet().removeIf(name -> !wanted(name));
  }

  /** Warns of entries that are not read, if there are any. */
  static void warnOfLeftOut(Path archive, Stream<String> names, String kind) {
    long count = names.filter(EntryNames::isVisible).count();
    if (count > 0) {
      log.log(
          Level.WARNING,
          Printable.shortened(archive.toString()) + ": " + kind + " left out: " + count);
    }
  }

  /** Returns the largest number of bytes to which an archive may unpack. */
  static long limit(long size) {
    return MAX_RATIO * (size + (1 << 16));
  }

  /** Returns the reason why an archive that unpacks to more is refused. */
  static String tooMuch() {
    return String.format(Locale.ROOT, "it unpacks to more than %d times its size", MAX_RATIO);
  }
}
