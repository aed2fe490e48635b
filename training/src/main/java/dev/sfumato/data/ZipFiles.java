package dev.sfumato.data;

import dev.sfumato.SfumatoException;
import dev.sfumato.io.AtomicFile;
import dev.sfumato.picture.PictureReader;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.TreeMap;
import java.util.zip.ZipEntry;
import java.util.zip.ZipException;
import java.util.zip.ZipFile;

/** The files of a zip archive, each unpacked when it is read. */
final class ZipFiles implements PictureFiles {
  /** The charset of names that are not UTF-8, by the format and in Python. */
  private static final String CODE_PAGE = "IBM437";

  private final Path archive;
  private final ZipFile zip; // stays open while in use
  private final TreeMap<String, ZipEntry> entries;

  private ZipFiles(Path archive, ZipFile zip) throws IOException {
    this.archive = archive;
    this.zip = zip;
    TreeMap<String, ZipEntry> all = new TreeMap<>();
    boolean slashes = zip.stream().anyMatch(entry -> entry.getName().contains("/"));
    zip.stream()
        .filter(entry -> !entry.isDirectory())
        .forEach(entry -> all.put(name(entry.getName(), slashes), entry));
    Archives.keepWanted(archive, all);
    double unpacked =
        all.values().stream().mapToDouble(entry -> Math.max(0, entry.getSize())).sum();
    if (unpacked > Archives.limit(Files.size(archive))) {
      zip.close();
      throw new IOException(Archives.tooMuch());
    }
    this.entries = all;
  }

  static ZipFiles open(Path archive) throws IOException {
    return new ZipFiles(archive, withNames(archive));
  }

  /**
   * A backslash separates folders only where nothing else does, and not behind a letter that is not
   * ASCII: it is the second byte of letters in Shift-JIS, GBK and Big5.
   */
  private static String name(String entry, boolean slashes) {
    return EntryNames.fromRoot(slashes ? entry : entry.replaceAll("(?<![^\\p{ASCII}])\\\\", "/"));
  }

  private static ZipFile withNames(Path archive) throws IOException {
    try {
      return new ZipFile(archive.toFile());
    } catch (ZipException e) { // for example, names that are not UTF-8
      Charset other =
          Charset.isSupported(CODE_PAGE) ? Charset.forName(CODE_PAGE) : StandardCharsets.ISO_8859_1;
      return new ZipFile(archive.toFile(), other);
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
  public Beginning begin(String name) {
    ZipEntry entry = entries.get(name);
    try (InputStream in = zip.getInputStream(entry)) {
      return Beginning.of(in, entry.getSize());
    } catch (IOException e) {
      throw notUnpacked(name, e);
    }
  }

  private SfumatoException notUnpacked(String name, IOException e) {
    return new SfumatoException(
        path(name) + ": cannot be unpacked (" + AtomicFile.reason(e) + ")", e);
  }

  @Override
  public byte[] read(String name) {
    ZipEntry entry = entries.get(name);
    int declared = (int) Math.min(entry.getSize(), PictureReader.MAX_BYTES);
    // The declared size may be false, so unpacked bytes are counted.
    try (InputStream in = zip.getInputStream(entry)) {
      byte[] bytes = in.readNBytes(declared);
      if (in.read() >= 0) {
        throw new SfumatoException(
            path(name)
                + String.format(
                    Locale.ROOT, ": unpacks to more than the allowed %d bytes", declared));
      }
      return bytes;
    } catch (IOException e) {
      throw notUnpacked(name, e);
    } catch (OutOfMemoryError e) {
      throw new SfumatoException(path(name) + ": too large for the memory", e);
    }
  }
}
