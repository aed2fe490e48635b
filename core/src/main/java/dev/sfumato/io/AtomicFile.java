package dev.sfumato.io;

import dev.sfumato.SfumatoException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.time.Instant;
import java.util.Comparator;
import java.util.UUID;
import java.util.stream.Stream;

/**
 * Writes a file under another name and renames it, so a reader sees the whole old file or the whole
 * new one.
 */
public final class AtomicFile {
  private static final String INCOMPLETE = ".incomplete";
  private static final boolean WINDOWS = System.getProperty("os.name").startsWith("Windows");

  private AtomicFile() {}

  /** Writes the content of a file to the path it is given. */
  @FunctionalInterface
  public interface Writer {
    /** Writes everything to {@code aside}: a file that does not exist yet, or a device. */
    void write(Path aside) throws IOException;
  }

  /**
   * Writes {@code file}, making its folders, through a file beside it that is forced to the disk
   * and renamed; the new name is forced, too. If writing fails, an old file stays unchanged and
   * nothing new remains. A symbolic link is followed; a device such as {@code /dev/null} is written
   * directly.
   *
   * @throws SfumatoException naming {@code file} if it cannot be written
   */
  public static void write(Path file, Writer writer) {
    at(
        file,
        target -> {
          Path aside = aside(target);
          try {
            writer.write(aside);
            publish(aside, target);
          } finally {
            Files.deleteIfExists(aside);
          }
        },
        writer);
  }

  /**
   * Makes sure that a file can be written, before long work on its content. Its folders are made,
   * and nothing else.
   *
   * @throws SfumatoException naming {@code file} if it cannot be written
   */
  public static void requireWritable(Path file) {
    at(file, target -> Files.delete(Files.createFile(aside(target))), device -> {});
  }

  private static void at(Path file, Writer regular, Writer device) {
    try {
      if (Files.isDirectory(file)) {
        throw new IOException("it is a directory");
      }
      Path target = Files.exists(file) ? file.toRealPath() : file.toAbsolutePath();
      boolean isDevice = Files.exists(target) && !Files.isRegularFile(target);
      (isDevice ? device : regular).write(target);
    } catch (IOException e) {
      throw new SfumatoException(file + ": cannot be written: " + reason(e), e);
    }
  }

  private static Path aside(Path target) throws IOException {
    createDirectories(target.getParent());
    return target.resolveSibling("." + target.getFileName() + "." + UUID.randomUUID() + INCOMPLETE);
  }

  /** Makes a folder and its missing parents, and forces them to the disk. */
  public static void createDirectories(Path folder) throws IOException {
    if (!Files.isDirectory(folder)) { // Files.createDirectories refuses a link to a folder
      Path parent = folder.toAbsolutePath().getParent();
      createDirectories(parent);
      try {
        Files.createDirectory(folder);
      } catch (FileAlreadyExistsException e) {
        if (!Files.isDirectory(folder)) { // another process was quicker
          throw e;
        }
      }
      force(parent);
    }
  }

  /**
   * Gives a complete file or folder its name: forces it to the disk, renames it and forces the new
   * name to the disk. After a power cut {@code target} is the old content or all of {@code
   * complete}. The contents of a folder must be forced already.
   */
  public static void publish(Path complete, Path target) throws IOException {
    force(complete);
    rename(complete, target);
  }

  /** Renames a file or folder and forces the new name to the disk. */
  public static void rename(Path from, Path to) throws IOException {
    Files.move(from, to, StandardCopyOption.ATOMIC_MOVE);
    force(to.toAbsolutePath().getParent());
  }

  /**
   * Deletes a file, or a folder with all that is in it, if it exists.
   *
   * @throws SfumatoException if that fails
   */
  public static void delete(Path path) {
    if (!Files.exists(path, LinkOption.NOFOLLOW_LINKS)) {
      return;
    }
    try (Stream<Path> tree = Files.walk(path)) {
      for (Path entry : tree.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(entry);
      }
    } catch (IOException | UncheckedIOException e) { // as the walk meets it
      IOException fault = e instanceof UncheckedIOException met ? met.getCause() : (IOException) e;
      throw new SfumatoException(path + ": cannot be deleted: " + reason(fault), e);
    }
  }

  private static void force(Path path) throws IOException {
    boolean isFolder = Files.isDirectory(path);
    if (isFolder && WINDOWS) {
      return; // where folders cannot be opened, the file system keeps its own journal
    }
    try (FileChannel channel =
        FileChannel.open(path, isFolder ? StandardOpenOption.READ : StandardOpenOption.WRITE)) {
      channel.force(true);
    }
  }

  /** Writes {@code bytes}. */
  public static void write(Path file, byte[] bytes) {
    write(file, aside -> Files.write(aside, bytes));
  }

  /** Returns true if {@code file} was left by a process that was killed while writing. */
  public static boolean isLeftover(Path file) {
    String name = file.getFileName().toString();
    return name.startsWith(".") && name.endsWith(INCOMPLETE);
  }

  /**
   * Deletes files in a folder that a process left when it was killed while writing.
   *
   * @param age how long ago they were written at least; where others may be writing now, longer
   *     than they take
   * @throws SfumatoException if that fails
   */
  public static void deleteLeftovers(Path folder, Duration age) {
    long latest = Instant.now().minus(age).toEpochMilli();
    try (Stream<Path> entries = Files.list(folder)) {
      for (Path leftover : entries.filter(AtomicFile::isLeftover).toList()) {
        if (leftover.toFile().lastModified() <= latest) {
          Files.deleteIfExists(leftover);
        }
      }
    } catch (IOException e) {
      throw new SfumatoException(folder + ": cannot be cleared: " + reason(e), e);
    }
  }

  /**
   * Returns the reason of an error in words; a file system error's message is often only the path.
   */
  public static String reason(IOException e) {
    if (e instanceof NoSuchFileException) {
      return "no such file";
    }
    if (e instanceof AccessDeniedException) {
      return "permission denied";
    }
    if (e instanceof NotDirectoryException || e instanceof FileAlreadyExistsException) {
      return "a file is in the way";
    }
    if (e instanceof FileSystemException f && f.getReason() != null) {
      return f.getReason();
    }
    return e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
  }
}
