package dev.sfumato.studio;

import dev.sfumato.SfumatoException;
import dev.sfumato.checkpoint.FileKind;
import dev.sfumato.data.Datasets;
import dev.sfumato.hub.HubId;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.FileVisitOption;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.Predicate;
import java.util.stream.Stream;

/**
 * The folders whose models, runs and pictures the page may use. Links that lie in them count as
 * their content, wherever they lead.
 */
final class Folders {
  private static final int DEPTH = 3;
  private static final Set<String> SKIPPED = Set.of("target", "node_modules", "checkpoints", "src");

  private static final Set<String> KNOWN_DATA = Set.of("mnist", "fashion-mnist");

  private final List<Path> roots;
  private final Path uploaded;

  /**
   * Makes the rules.
   *
   * @param uploaded the folder of archives that the page sent
   */
  Folders(List<Path> roots, Path uploaded) {
    this.roots = List.copyOf(roots);
    this.uploaded = uploaded;
  }

  /** Returns the first folder. */
  Path first() {
    return roots.get(0);
  }

  /** Returns the directories of models that draw. */
  List<Path> models() {
    return find(
        folder ->
            Files.exists(folder.resolve("model_index.json"))
                || Files.exists(folder.resolve("unet/config.json")));
  }

  /** Returns the directories of CLIP models. */
  List<Path> clips() {
    return find(
        folder ->
            Files.exists(folder.resolve("open_clip_config.json"))
                || Files.exists(folder.resolve("tokenizer.json"))
                    && Files.exists(folder.resolve("config.json")));
  }

  /** Returns the directories of classifiers. */
  List<Path> classifiers() {
    return find(folder -> Files.exists(folder.resolve("classifier.json")));
  }

  /** Returns the output directories of training runs. */
  List<Path> runs() {
    return find(folder -> Files.exists(folder.resolve("metrics.csv")));
  }

  /** Returns the tensor files of a kind. */
  List<Path> files(FileKind kind) {
    List<Path> found = new ArrayList<>();
    walk(
        folder -> false,
        file -> {
          if (file.toString().endsWith(".safetensors") && isOf(kind, file)) {
            found.add(file);
          }
        });
    return found.stream().distinct().sorted().toList();
  }

  private static boolean isOf(FileKind kind, Path file) {
    try {
      return FileKind.of(file) == kind;
    } catch (SfumatoException e) {
      return false; // a damaged file is not offered
    }
  }

  private List<Path> find(Predicate<Path> wanted) {
    List<Path> found = new ArrayList<>();
    walk(folder -> wanted.test(folder) && found.add(folder), file -> {});
    return found.stream().distinct().sorted().toList();
  }

  /** Visits the folders, not those in a folder that is found, and their files. */
  private void walk(Predicate<Path> found, Consumer<Path> files) {
    for (Path root : roots) {
      try {
        Files.walkFileTree(
            root,
            EnumSet.of(FileVisitOption.FOLLOW_LINKS),
            DEPTH,
            new SimpleFileVisitor<>() {
              @Override
              public FileVisitResult preVisitDirectory(Path folder, BasicFileAttributes a) {
                String name = String.valueOf(folder.getFileName());
                if (!folder.equals(root) && (name.startsWith(".") || SKIPPED.contains(name))) {
                  return FileVisitResult.SKIP_SUBTREE;
                }
                boolean ends = !folder.toString().isEmpty() && found.test(folder);
                return ends ? FileVisitResult.SKIP_SUBTREE : FileVisitResult.CONTINUE;
              }

              @Override
              public FileVisitResult visitFile(Path file, BasicFileAttributes a) {
                if (a.isRegularFile()) { // reading a pipe would never end
                  files.accept(file);
                }
                return FileVisitResult.CONTINUE;
              }

              @Override
              public FileVisitResult visitFileFailed(Path file, IOException e) {
                return FileVisitResult.CONTINUE;
              }

              @Override
              public FileVisitResult postVisitDirectory(Path folder, IOException e) {
                return FileVisitResult.CONTINUE;
              }
            });
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }

  /**
   * Returns the name of a model, run or data set if the page may use it: an id of the Hub, or a
   * place in these folders.
   *
   * @throws SfumatoException otherwise, in the same words whether there is something or not
   */
  String require(String name) {
    if (name == null || name.isBlank()) {
      throw new SfumatoException("choose a model or a folder first");
    }
    if (HubId.parse(name).isEmpty() || Files.exists(Path.of(name))) {
      require(name, path -> true);
    }
    return name;
  }

  /**
   * Returns a file in these folders.
   *
   * @throws SfumatoException if there is none, in the words of {@link #require}
   */
  Path requireFile(String name) {
    return require(name, Files::isRegularFile);
  }

  /** Returns a folder in these folders, as {@link #requireFile}. */
  Path requireFolder(String name) {
    return require(name, Files::isDirectory);
  }

  private Path require(String name, Predicate<Path> fits) {
    try {
      Path path = Path.of(name == null ? "" : name);
      if (holds(path) && fits.test(path)) {
        return path;
      }
    } catch (InvalidPathException e) {
      // The error below covers it.
    }
    throw new SfumatoException(
        name + ": lies outside the folders of this studio: start it with that folder, too");
  }

  /** Returns the name of a data set if the page may use it, as {@link #require}. */
  String requireData(String name) {
    if (name != null && (KNOWN_DATA.contains(name) || Datasets.ofHub(name))) {
      return name;
    }
    return require(name);
  }

  private boolean holds(Path path) {
    Path whole = path.toAbsolutePath().normalize();
    return Stream.concat(roots.stream(), Stream.of(uploaded))
        .anyMatch(root -> whole.startsWith(root.toAbsolutePath().normalize()));
  }
}
