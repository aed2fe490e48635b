package dev.sfumato.data;

import dev.sfumato.SfumatoException;
import dev.sfumato.data.PackedFile.Extent;
import dev.sfumato.picture.PictureReader;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.TreeMap;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveInputStream;
import org.apache.commons.compress.archivers.tar.TarFile;
import org.apache.commons.compress.compressors.CompressorStreamFactory;

/**
 * The files of a tar archive. A plain one is read in place; of a compressed one, what is of use is
 * copied out once.
 */
final class TarFiles implements PictureFiles {
  /** What grows beyond this in unpacking is no archive of pictures but made to fill the disk. */
  private static final long MAX_RATIO = 200;

  private final Path archive;
  private final PackedFile file;
  private final TreeMap<String, Extent> entries;

  private TarFiles(Path archive, PackedFile file, TreeMap<String, Extent> entries) {
    this.archive = archive;
    this.file = file;
    this.entries = ArchiveNames.fromRoot(entries);
  }

  /** Opens an archive, compressed (gzip, bzip2) or not. */
  static TarFiles open(Path archive, boolean compressed) {
    try {
      return compressed ? copied(archive) : inPlace(archive);
    } catch (IOException | IllegalArgumentException e) {
      throw new SfumatoException(
          archive + ": not a tar archive that can be read (" + e.getMessage() + ")", e);
    }
  }

  private static TarFiles inPlace(Path archive) throws IOException {
    TreeMap<String, Extent> entries = new TreeMap<>();
    try (TarFile tar = new TarFile(archive)) {
      for (TarArchiveEntry entry : tar.getEntries()) {
        String name = ArchiveNames.portable(entry.getName());
        if (isFile(entry) && ArchiveNames.wanted(name)) {
          int length = (int) Math.min(entry.getSize(), PictureReader.MAX_BYTES);
          entries.put(name, new Extent(entry.getDataOffset(), length));
        }
      }
    }
    return new TarFiles(archive, PackedFile.open(archive), entries);
  }

  private static TarFiles copied(Path archive) throws IOException {
    TreeMap<String, Extent> entries = new TreeMap<>();
    PackedFile file = PackedFile.temporary();
    long limit = MAX_RATIO * (Files.size(archive) + (1 << 16));
    try (InputStream in = new BufferedInputStream(Files.newInputStream(archive));
        InputStream unpacked = new CompressorStreamFactory(true).createCompressorInputStream(in);
        TarArchiveInputStream tar = new TarArchiveInputStream(unpacked)) {
      for (TarArchiveEntry entry = tar.getNextEntry(); entry != null; entry = tar.getNextEntry()) {
        if (tar.getBytesRead() + entry.getSize() > limit) {
          throw new IOException(
              String.format(Locale.ROOT, "it unpacks to more than %d times its size", MAX_RATIO));
        }
        String name = ArchiveNames.portable(entry.getName());
        if (isFile(entry) && ArchiveNames.wanted(name)) {
          entries.put(name, file.append(tar));
        }
      }
    }
    return new TarFiles(archive, file, entries);
  }

  private static boolean isFile(TarArchiveEntry entry) {
    return entry.isFile() && !entry.isLink() && !entry.isSymbolicLink() && !entry.isSparse();
  }

  @Override
  public String origin() {
    return archive.toString();
  }

  @Override
  public List<String> names() {
    return List.copyOf(entries.keySet());
  }

  @Override
  public byte[] read(String name) {
    return file.read(entries.get(name), path(name));
  }
}
