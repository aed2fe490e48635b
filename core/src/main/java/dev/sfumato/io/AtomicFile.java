package dev.sfumato.io;

import dev.sfumato.tensor.SfumatoException;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;

/** Writes a file aside and renames it, so that a reader sees the old file or the new one, whole. */
public final class AtomicFile {
  private AtomicFile() {}

  /** Writes the content of a file to the path it is given. */
  @FunctionalInterface
  public interface Writer {
    /** Writes everything to {@code aside}, which does not exist yet. */
    void write(Path aside) throws IOException;
  }

  /**
   * Writes {@code file}, making its folders, through a file beside it that is forced to the disk and
   * renamed; when writing fails nothing is left behind.
   *
   * @throws SfumatoException naming {@code file} if it cannot be written
   */
  public static void write(Path file, Writer writer) {
    Path target = file.toAbsolutePath();
    Path aside = target.resolveSibling("." + target.getFileName() + ".incomplete");
    try {
      Files.createDirectories(target.getParent());
      Files.deleteIfExists(aside);
      writer.write(aside);
      force(aside);
      Files.move(
          aside, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    } catch (IOException e) {
      throw new SfumatoException(file + ": cannot be written: " + reason(e), e);
    } finally {
      try {
        Files.deleteIfExists(aside);
      } catch (IOException ignored) {
        // The first error says more.
      }
    }
  }

  /** Writes {@code bytes}. */
  public static void write(Path file, byte[] bytes) {
    write(file, aside -> Files.write(aside, bytes));
  }

  /** What went wrong, in words: the message of a file system error is often only the path. */
  public static String reason(IOException e) {
    if (e instanceof java.nio.file.NoSuchFileException) {
      return "no such file";
    }
    if (e instanceof java.nio.file.AccessDeniedException) {
      return "permission denied";
    }
    if (e instanceof java.nio.file.NotDirectoryException
        || e instanceof java.nio.file.FileAlreadyExistsException) {
      return "a file is in the way";
    }
    if (e instanceof java.nio.file.FileSystemException f && f.getReason() != null) {
      return f.getReason();
    }
    return e.getMessage();
  }

  private static void force(Path file) throws IOException {
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
      channel.force(true);
    }
  }
}
