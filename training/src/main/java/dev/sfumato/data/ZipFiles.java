package dev.sfumato.data;

import dev.sfumato.SfumatoException;
import dev.sfumato.picture.PictureReader;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.util.List;
import java.util.TreeMap;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;

/** The files of a zip archive, which are unpacked one by one when they are asked for. */
final class ZipFiles implements PictureFiles {
  private final Path archive;
  private final ZipFile zip; // open as long as anybody uses it
  private final TreeMap<String, ZipEntry> entries;

  private ZipFiles(Path archive, ZipFile zip) {
    this.archive = archive;
    this.zip = zip;
    TreeMap<String, ZipEntry> all = new TreeMap<>();
    zip.stream()
        .filter(entry -> !entry.isDirectory())
        .filter(entry -> ArchiveNames.wanted(ArchiveNames.portable(entry.getName())))
        .forEach(entry -> all.put(ArchiveNames.portable(entry.getName()), entry));
    this.entries = ArchiveNames.fromRoot(all);
  }

  static ZipFiles open(Path archive) {
    try {
      return new ZipFiles(archive, new ZipFile(archive.toFile()));
    } catch (IOException | IllegalArgumentException e) { // the latter for names in no charset
      throw new SfumatoException(
          archive + ": not a zip archive that can be read (" + e.getMessage() + ")", e);
    }
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
    // What an entry declares may be false, so what is unpacked is counted.
    try (InputStream in = zip.getInputStream(entries.get(name))) {
      byte[] bytes = in.readNBytes(PictureReader.MAX_BYTES + 1);
      if (bytes.length > PictureReader.MAX_BYTES) {
        throw new SfumatoException(path(name) + ": unpacks to more than 512 MB");
      }
      return bytes;
    } catch (IOException e) {
      throw new SfumatoException(path(name) + ": cannot be unpacked (" + e.getMessage() + ")", e);
    }
  }
}
