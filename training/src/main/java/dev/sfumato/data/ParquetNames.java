package dev.sfumato.data;

import dev.sfumato.SfumatoException;
import java.io.IOException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.regex.PatternSyntaxException;
import java.util.stream.StreamSupport;

/** Names of Parquet files with pictures. */
final class ParquetNames {
  private ParquetNames() {}

  /** Returns whether a file has the name of a Parquet file and does not hold metadata. */
  static boolean named(String name) {
    return name.toLowerCase(Locale.ROOT).endsWith(".parquet") && !Metadata.named(name);
  }

  /** Returns the Parquet files that a pattern such as {@code data/train-*.parquet} matches. */
  static List<Path> matching(Path pattern) {
    Path folder = pattern.toAbsolutePath().getParent();
    String name = pattern.getFileName().toString();
    if (!Files.isDirectory(folder) || !named(name)) {
      return List.of();
    }
    try (DirectoryStream<Path> files = Files.newDirectoryStream(folder, name)) {
      return StreamSupport.stream(files.spliterator(), false).sorted().toList();
    } catch (IOException | DirectoryIteratorException | PatternSyntaxException e) {
      throw new SfumatoException(folder + ": cannot be searched (" + e.getMessage() + ")", e);
    }
  }
}
