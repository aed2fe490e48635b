package dev.sfumato.io;

import dev.sfumato.SfumatoException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;

/** Git LFS keeps large files apart; a clone without it has small texts in their places. */
public final class GitLfs {
  private static final byte[] POINTER =
      "version https://git-lfs.github.com/spec/".getBytes(StandardCharsets.US_ASCII);

  private GitLfs() {}

  /**
   * Checks that {@code file}, if it can be read, is not such a text, and not a pipe, which would
   * let the program wait.
   *
   * @throws SfumatoException saying how to get the file itself
   */
  public static void requireContent(Path file) {
    if (Files.exists(file) && !Files.isRegularFile(file) && !Files.isDirectory(file)) {
      throw new SfumatoException(file + ": a pipe or a device, not a file");
    }
    try (InputStream in = Files.newInputStream(file)) {
      if (Arrays.equals(in.readNBytes(POINTER.length), POINTER)) {
        throw new SfumatoException(
            file
                + ": is a Git LFS pointer, not the file itself: run 'git lfs pull' in its"
                + " repository, or download it from the Hub");
      }
    } catch (IOException e) {
      // Whoever reads the file says what is wrong with it.
    }
  }
}
