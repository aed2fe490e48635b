package dev.sfumato.data;

import dev.sfumato.Printable;
import dev.sfumato.SfumatoException;
import dev.sfumato.io.AtomicFile;
import dev.sfumato.picture.PictureReader;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.lang.System.Logger.Level;
import java.nio.file.FileSystemLoopException;
import java.nio.file.FileVisitOption;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.EnumSet;
import java.util.List;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * The files of a folder and its subfolders; links are followed. The output of a run is left out,
 * because its grids are not training pictures.
 */
final class FolderFiles implements PictureFiles {
  private static final System.Logger log = System.getLogger(FolderFiles.class.getName());

  /** The files by which a run's output is recognised. */
  private static final List<String> RUN = List.of(".lock", "metrics.csv");

  private final Path folder;
  private final SortedMap<String, Path> files = new TreeMap<>();
  private final SortedSet<String> danglingLinks = new TreeSet<>();

  private FolderFiles(Path folder) {
    this.folder = folder;
  }

  static FolderFiles of(Path folder) {
    FolderFiles found = new FolderFiles(folder);
    try {
      Files.walkFileTree(
          folder, EnumSet.of(FileVisitOption.FOLLOW_LINKS), Integer.MAX_VALUE, found.new Visitor());
    } catch (IOException e) {
      throw new SfumatoException(folder + ": cannot be listed (" + AtomicFile.reason(e) + ")", e);
    }
    return found;
  }

  private final class Visitor extends SimpleFileVisitor<Path> {
    @Override
    public FileVisitResult preVisitDirectory(Path path, BasicFileAttributes attributes) {
      if (path.equals(folder)) {
        return FileVisitResult.CONTINUE;
      }
      if (RUN.stream().allMatch(file -> Files.exists(path.resolve(file)))) {
        log.log(
            Level.WARNING,
            Printable.shortened(path.toString()) + ": left out, the output of a run");
        return FileVisitResult.SKIP_SUBTREE;
      }
      return EntryNames.isData(path.getFileName().toString())
          ? FileVisitResult.CONTINUE
          : FileVisitResult.SKIP_SUBTREE;
    }

    @Override
    public FileVisitResult visitFile(Path path, BasicFileAttributes attributes) {
      if (path.getFileName().toString().startsWith(".")) {
        return FileVisitResult.CONTINUE;
      }
      String name = name(folder.relativize(path));
      if (attributes.isRegularFile()) {
        files.put(name, path);
      } else if (attributes.isSymbolicLink()) { // it could not be followed
        danglingLinks.add(name);
      }
      return FileVisitResult.CONTINUE;
    }

    @Override
    public FileVisitResult visitFileFailed(Path path, IOException e) throws IOException {
      if (e instanceof FileSystemLoopException) { // a link to a parent folder, already visited
        return FileVisitResult.CONTINUE;
      }
      throw new IOException(path + ": " + AtomicFile.reason(e), e);
    }
  }

  /** Returns a path with slashes, decoded even if the system could not decode it. */
  private static String name(Path relative) {
    String name = relative.toString().replace('\\', '/');
    boolean plain = name.chars().allMatch(c -> c < 0x80 && c != '?');
    return plain ? name : EntryNames.text(bytes(relative));
  }

  /** Returns the bytes of a name, which only the path's URI holds. */
  private static byte[] bytes(Path relative) {
    String address = relative.toUri().getRawPath();
    String here = Path.of("").toUri().getRawPath();
    String escaped = address.substring(here.length());
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    for (int i = 0; i < escaped.length(); i++) {
      if (escaped.charAt(i) == '%') {
        bytes.write(Integer.parseInt(escaped.substring(i + 1, i + 3), 16));
        i += 2;
      } else {
        bytes.write(escaped.charAt(i));
      }
    }
    return bytes.toByteArray();
  }

  @Override
  public String origin() {
    return folder.toString();
  }

  @Override
  public List<String> names() {
    return List.copyOf(files.keySet());
  }

  @Override
  public List<String> danglingLinks() {
    return List.copyOf(danglingLinks);
  }

  /** Returns the path of a file. */
  Path file(String name) {
    return files.get(name);
  }

  @Override
  public String path(String name) {
    return files.containsKey(name) ? files.get(name).toString() : folder + "/" + name;
  }

  @Override
  public byte[] read(String name) {
    return PictureReader.bytes(files.get(name));
  }

  @Override
  public Beginning begin(String name) {
    return begin(files.get(name));
  }

  /** Returns the first bytes of a file. */
  static Beginning begin(Path file) {
    try (InputStream in = Files.newInputStream(file)) {
      return Beginning.of(in, Files.size(file));
    } catch (IOException e) {
      throw new SfumatoException(file + ": cannot be read (" + AtomicFile.reason(e) + ")", e);
    }
  }
}
