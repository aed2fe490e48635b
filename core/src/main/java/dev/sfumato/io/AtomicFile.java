package dev.sfumato.io;

import dev.sfumato.SfumatoException;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.UUID;

/** Writes a file aside and renames it, so that a reader sees the old file or the new one, whole. */
public final class AtomicFile {
  private static final String INCOMPLETE = ".incomplete";

  private AtomicFile() {}

  /** Writes the content of a file to the path it is given. */
  @FunctionalInterface
  public interface Writer {
    /** Writes everything to {@code aside}: a file that does not exist yet, or a device. */
    void write(Path aside) throws IOException;
  }

  /**
   * Writes {@code file}, making its folders, through a file beside it that is forced to the disk
   * and renamed. When writing fails an old file is left as it was and nothing new stays behind. A
   * symbolic link is followed; a device such as {@code /dev/null} is written directly.
   *
   * @throws SfumatoException naming {@code file} if it cannot be written
   */
  public static void write(Path file, Writer writer) {
    try {
      if (Files.isDirectory(file)) {
        throw new IOException("it is a directory");
      }
      Path target = Files.exists(file) ? file.toRealPath() : file.toAbsolutePath();
      if (Files.exists(target) && !Files.isRegularFile(target)) {
        writer.write(target);
      } else {
        replace(target, writer);
      }
    } catch (IOException e) {
      throw new SfumatoException(file + ": cannot be written: " + reason(e), e);
    }
  }

  private static void replace(Path target, Writer writer) throws IOException {
    if (!Files.isDirectory(target.getParent())) { // createDirectories refuses a link to a folder
      Files.createDirectories(target.getParent());
    }
    Path aside =
        target.resolveSibling("." + target.getFileName() + "." + UUID.randomUUID() + INCOMPLETE);
    try {
      writer.write(aside);
      try (FileChannel channel = FileChannel.open(aside, StandardOpenOption.WRITE)) {
        channel.force(true);
      }
      Files.move(aside, target, StandardCopyOption.ATOMIC_MOVE);
    } finally {
      Files.deleteIfExists(aside);
    }
  }

  /** Writes {@code bytes}. */
  public static void write(Path file, byte[] bytes) {
    write(file, aside -> Files.write(aside, bytes));
  }

  /** Whether {@code file} is what a process left that was killed while it wrote. */
  public static boolean isLeftover(Path file) {
    String name = file.getFileName().toString();
    return name.startsWith(".") && name.endsWith(INCOMPLETE);
  }

  /** What went wrong, in words: the message of a file system error is often only the path. */
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
