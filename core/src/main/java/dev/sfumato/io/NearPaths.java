package dev.sfumato.io;

import dev.sfumato.NearNames;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/** What exists beside a path that does not. */
public final class NearPaths {
  private NearPaths() {}

  /**
   * Returns the end of a message, {@code "; did you mean models/mnist?"}, or nothing where nothing
   * is near: the path with each missing part replaced by the nearest name that is there.
   */
  public static String asked(String path) {
    try {
      return near(Path.of(path)).map(found -> "; did you mean " + found + "?").orElse("");
    } catch (InvalidPathException e) {
      return "";
    }
  }

  private static Optional<Path> near(Path path) {
    Optional<Path> found = Optional.ofNullable(path.getRoot());
    for (Path part : path) {
      Path folder = found.orElse(Path.of(""));
      Path same = folder.resolve(part);
      Optional<Path> next =
          Files.exists(same)
              ? Optional.of(same)
              : NearNames.of(part.toString(), names(folder)).stream()
                  .findFirst()
                  .map(folder::resolve);
      if (next.isEmpty()) {
        return Optional.empty();
      }
      found = next;
    }
    return found;
  }

  private static List<String> names(Path folder) {
    try (Stream<Path> files = Files.list(folder)) {
      return files.map(file -> file.getFileName().toString()).toList();
    } catch (IOException e) {
      return List.of();
    }
  }
}
