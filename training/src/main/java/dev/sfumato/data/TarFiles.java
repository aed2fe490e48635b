package dev.sfumato.data;

import dev.sfumato.data.PackedFile.Extent;
import dev.sfumato.picture.PictureReader;
import java.io.BufferedInputStream;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveInputStream;
import org.apache.commons.compress.archivers.tar.TarFile;
import org.apache.commons.compress.compressors.CompressorStreamFactory;

/**
 * The files of a tar archive. A plain archive is read in place; the useful entries of a compressed
 * one are copied out once.
 */
record TarFiles(Path archive, PackedFile file, TreeMap<String, Extent> entries)
    implements PictureFiles {
  /** Takes the bytes of names as they are. */
  private static final String BYTES = "ISO-8859-1";

  /** Opens an archive that is not compressed. */
  static TarFiles inPlace(Path archive) throws IOException {
    TreeMap<String, Extent> entries = new TreeMap<>();
    Map<String, String> links = new LinkedHashMap<>();
    try (TarFile tar = new TarFile(archive, BYTES)) {
      for (TarArchiveEntry entry : tar.getEntries()) {
        noteLink(entry, links);
        if (isFile(entry)) {
          int length = (int) Math.min(entry.getSize(), PictureReader.MAX_BYTES);
          entries.put(name(entry.getName()), new Extent(entry.getDataOffset(), length));
        }
      }
    }
    follow(archive, links, entries);
    Archives.keepWanted(archive, entries);
    return new TarFiles(archive, PackedFile.open(archive), entries);
  }

  /** Copies the pictures out of an archive, compressed by gzip or bzip2. */
  static TarFiles copied(Path archive) throws IOException {
    TreeMap<String, Extent> entries = new TreeMap<>();
    Map<String, String> links = new LinkedHashMap<>();
    PackedFile file = PackedFile.temporary();
    long limit = Archives.limit(Files.size(archive));
    try (InputStream in = new BufferedInputStream(Files.newInputStream(archive));
        InputStream unpacked =
            bounded(new CompressorStreamFactory(true).createCompressorInputStream(in), limit);
        TarArchiveInputStream tar = new TarArchiveInputStream(unpacked, BYTES)) {
      for (TarArchiveEntry entry = tar.getNextEntry(); entry != null; entry = tar.getNextEntry()) {
        if (tar.getBytesRead() + entry.getSize() > limit) {
          throw new IOException(Archives.tooMuch());
        }
        noteLink(entry, links);
        String name = name(entry.getName());
        if (isFile(entry) && Archives.wanted(name)) {
          entries.put(name, file.append(tar));
        } else if (isFile(entry) && EntryNames.isArchive(name)) {
          entries.put(name, new Extent(0, 0)); // to be warned of
        }
      }
    }
    follow(archive, links, entries);
    Archives.keepWanted(archive, entries);
    return new TarFiles(archive, file, entries);
  }

  /**
   * Limits the bytes to unpack, since headers with long names are unpacked before their size is
   * known.
   */
  private static InputStream bounded(InputStream unpacked, long limit) {
    return new FilterInputStream(unpacked) {
      private long left = limit + (1 << 16);

      @Override
      public int read() throws IOException {
        byte[] one = new byte[1];
        return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
      }

      @Override
      public int read(byte[] bytes, int offset, int length) throws IOException {
        int read = super.read(bytes, offset, length);
        left -= Math.max(0, read);
        if (left < 0) {
          throw new IOException(Archives.tooMuch());
        }
        return read;
      }
    };
  }

  private static boolean isFile(TarArchiveEntry entry) {
    return entry.isFile()
        && !entry.isLink()
        && !entry.isSymbolicLink()
        && !entry.isSparse()
        && !entry.isFIFO()
        && !entry.isCharacterDevice()
        && !entry.isBlockDevice();
  }

  /** Returns a name in letters. Newer archives have names in UTF-8, others in whatever bytes. */
  private static String name(String entry) {
    boolean bytes = entry.chars().allMatch(c -> c <= 0xff);
    return EntryNames.portable(
        bytes ? EntryNames.text(entry.getBytes(StandardCharsets.ISO_8859_1)) : entry);
  }

  /** Hard links count from the root, others from the folder that they lie in. */
  private static void noteLink(TarArchiveEntry entry, Map<String, String> links) {
    String name = name(entry.getName());
    if (entry.isLink()) {
      links.put(name, name(entry.getLinkName()));
    } else if (entry.isSymbolicLink()) {
      String folder = name.substring(0, name.lastIndexOf('/') + 1);
      links.put(name, EntryNames.resolved(folder, name(entry.getLinkName())));
    }
  }

  /** Gives links the pictures that they stand for. */
  private static void follow(
      Path archive, Map<String, String> links, TreeMap<String, Extent> entries) {
    links.forEach(
        (name, target) -> {
          if (entries.containsKey(target)) {
            entries.put(name, entries.get(target));
          }
        });
    Archives.warnOfLeftOut(
        archive,
        links.keySet().stream().filter(FileSource::uses).filter(name -> !entries.containsKey(name)),
        "links to what it does not hold");
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

  @Override
  public Beginning begin(String name) {
    return file.begin(entries.get(name), path(name));
  }
}
