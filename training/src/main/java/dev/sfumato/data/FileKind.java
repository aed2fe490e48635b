package dev.sfumato.data;

import dev.sfumato.SfumatoException;
import dev.sfumato.io.AtomicFile;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;

/** The format of a file with many pictures, recognised by its first bytes, else by its name. */
enum FileKind {
  PARQUET,
  ZIP,
  TAR,
  COMPRESSED_TAR,
  UNKNOWN;

  private static final int TAR_MAGIC = 257;

  /**
   * Recognises a file.
   *
   * @throws SfumatoException if it is empty or cannot be read
   */
  static FileKind of(Path file) {
    if (Files.exists(file) && !Files.isRegularFile(file)) {
      throw new SfumatoException(file + ": a pipe or a device, not a file");
    }
    String begin = new String(begin(file), StandardCharsets.ISO_8859_1);
    String name = file.getFileName().toString().toLowerCase(Locale.ROOT);
    if (begin.isEmpty()) {
      throw new SfumatoException(file + ": the file is empty");
    }
    if (begin.startsWith("PAR1") || name.endsWith(".parquet")) {
      return PARQUET;
    }
    if (begin.startsWith("PK") || name.endsWith(".zip")) {
      return ZIP;
    }
    if (begin.startsWith("\u001f\u008b") || begin.startsWith("BZh")) {
      return COMPRESSED_TAR;
    }
    return begin.startsWith("ustar", TAR_MAGIC) || name.endsWith(".tar") ? TAR : UNKNOWN;
  }

  /** Returns whether a path is a Parquet file. */
  static boolean isParquet(Path path) {
    return !Files.isDirectory(path) && of(path) == PARQUET;
  }

  private static byte[] begin(Path file) {
    try (InputStream in = Files.newInputStream(file)) {
      return in.readNBytes(512);
    } catch (IOException e) {
      throw new SfumatoException(file + ": cannot be read (" + AtomicFile.reason(e) + ")", e);
    }
  }
}
