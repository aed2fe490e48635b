package dev.sfumato.data;

import dev.sfumato.SfumatoException;
import java.io.IOException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;
import java.util.stream.StreamSupport;

/**
 * The Parquet files of a folder. As on the Hugging Face Hub, a file or a folder of it is named
 * after its split: {@code data/train-00000-of-00002.parquet}, {@code test/0000.parquet}. Where none
 * is named {@code train}, those that are named after no split are to train on.
 */
final class ParquetFolder {
  private static final Predicate<String> TRAIN = word("train|training");
  private static final Predicate<String> TEST = word("test|testing|eval|evaluation");
  private static final Predicate<String> VALIDATION = word("validation|valid|val|dev");
  private static final Predicate<String> UNNAMED = TEST.or(VALIDATION).negate();

  private ParquetFolder() {}

  private static Predicate<String> word(String names) {
    return Pattern.compile("(^|[^a-z0-9])(" + names + ")([^a-z0-9]|$)", Pattern.CASE_INSENSITIVE)
        .asPredicate();
  }

  /** Returns whether a file of this name is meant to be Parquet; case does not matter. */
  static boolean named(String name) {
    return name.toLowerCase(Locale.ROOT).endsWith(".parquet");
  }

  /** Returns the files of a split in the order of their names; empty if there are none. */
  static List<Path> files(Path folder, DataOptions.Split split) {
    List<String> all =
        FolderFiles.of(folder).names().stream().filter(ParquetFolder::named).toList();
    List<Predicate<String>> choices =
        split == DataOptions.Split.TRAIN ? List.of(TRAIN, UNNAMED) : List.of(TEST, VALIDATION);
    return choices.stream()
        .map(choice -> all.stream().filter(choice).map(folder::resolve).toList())
        .filter(files -> !files.isEmpty())
        .findFirst()
        .orElse(List.of());
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
