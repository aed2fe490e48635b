package dev.sfumato.hub;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.sfumato.SfumatoException;
import dev.sfumato.io.AtomicFile;
import dev.sfumato.io.JsonFile;
import java.io.IOException;
import java.lang.System.Logger.Level;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.stream.Stream;

/** What the cache holds of one repository; the layout is described in the package's text. */
final class RepositoryCache {
  private static final System.Logger log = System.getLogger(RepositoryCache.class.getName());
  private static final int TREE_FORMAT = 1;
  private static final String CACHE_TAG =
      "Signature: 8a477f597d28d172789f06886806bc55\n# A cache that can be downloaded again.\n";

  private final Path root;
  private final Path folder;
  private final Path locks;
  private final boolean symlinks;

  RepositoryCache(HubSettings settings, HubId id, Kind kind) {
    String name = kind.plural() + "--" + id.repository().replace("/", "--");
    root = settings.cache();
    folder = root.resolve(name);
    locks = root.resolve(".locks").resolve(name);
    symlinks = settings.symlinks();
  }

  // ---- revisions

  /** The commit that the revision stood for when the server was asked last, if it is cached. */
  Optional<String> commit(HubId id) {
    try {
      Path ref = folder.resolve("refs").resolve(id.revision());
      String commit = Files.isRegularFile(ref) ? Files.readString(ref).strip() : id.revision();
      return FileNames.isInside(commit) && Files.isDirectory(snapshot(commit))
          ? Optional.of(commit)
          : Optional.empty();
    } catch (IOException e) {
      throw unusable(folder.resolve("refs"), e);
    }
  }

  /** Notes which commit the revision stands for. */
  void writeCommit(HubId id, String commit) {
    if (!commit.equals(id.revision()) && !commit(id).equals(Optional.of(commit))) {
      AtomicFile.write(
          folder.resolve("refs").resolve(id.revision()), commit.getBytes(StandardCharsets.UTF_8));
    }
  }

  /** Whether something can be added; a cache on a read-only disk is one to read. */
  boolean isWritable() {
    return Files.isWritable(folder);
  }

  /** Marks the cache as one, so that backup programs leave it out. */
  void mark() {
    Path tag = root.resolve("CACHEDIR.TAG");
    if (!Files.exists(tag)) {
      AtomicFile.write(tag, CACHE_TAG.getBytes(StandardCharsets.US_ASCII));
    }
  }

  // ---- snapshots

  /** The folder of a commit's files. */
  Path snapshot(String commit) {
    return folder.resolve("snapshots").resolve(commit);
  }

  /** Whether the content of a file of a commit is cached; a link to nothing does not count. */
  boolean has(String commit, String file) {
    return Files.isRegularFile(snapshot(commit).resolve(file));
  }

  /** The files of a commit that are cached. */
  List<String> cachedFiles(String commit) {
    Path snapshot = snapshot(commit);
    try (Stream<Path> tree = Files.walk(snapshot)) {
      return tree.filter(Files::isRegularFile)
          .map(file -> snapshot.relativize(file).toString().replace('\\', '/'))
          .sorted()
          .toList();
    } catch (IOException e) {
      throw unusable(snapshot, e);
    }
  }

  /** All files that a commit has on the server, if that is known. */
  Optional<List<String>> allFiles(String commit) {
    Path file = tree(commit);
    if (!Files.exists(file)) {
      return Optional.empty();
    }
    JsonNode tree = JsonFile.read(file, JsonNode.class);
    List<String> names = new ArrayList<>();
    tree.path("files").fieldNames().forEachRemaining(names::add);
    return tree.path("format_version").asInt() == TREE_FORMAT
        ? Optional.of(names)
        : Optional.empty();
  }

  /** Notes all files of a commit; {@code entries} are those of the server's tree. */
  void writeAllFiles(String commit, List<JsonNode> entries) {
    ObjectNode tree = JsonFile.MAPPER.createObjectNode().put("format_version", TREE_FORMAT);
    ObjectNode files = tree.putObject("files");
    for (JsonNode entry : entries) {
      ObjectNode file = files.putObject(entry.path("path").asText());
      file.set("size", entry.path("size"));
      file.set("blob_id", entry.path("oid"));
      if (entry.path("lfs").isObject()) {
        file.set("lfs_sha256", entry.path("lfs").path("oid"));
        file.set("lfs_size", entry.path("lfs").path("size"));
      }
      if (entry.path("xetHash").isTextual()) {
        file.set("xet_hash", entry.path("xetHash"));
      }
    }
    JsonFile.write(tree(commit), tree);
  }

  private Path tree(String commit) {
    return folder.resolve("trees").resolve(commit + ".json");
  }

  /** Notes that a commit has no such file. */
  void writeMissing(String commit, String file) {
    AtomicFile.write(folder.resolve(".no_exist").resolve(commit).resolve(file), new byte[0]);
  }

  // ---- blobs

  /** The content with this hash. */
  Path blob(String hash) {
    return folder.resolve("blobs").resolve(hash);
  }

  /** Waits until no other thread or Java process writes the blob, and keeps them away. */
  FileLock lock(String hash) {
    return FileLock.acquire(locks.resolve(hash + ".lock"));
  }

  /**
   * Puts a cached blob into a commit's snapshot: a relative link, or a copy where links fail. One
   * that is there is replaced in one move, because others may be reading it.
   */
  void link(String hash, String commit, String file) {
    Path pointer = snapshot(commit).resolve(file);
    Path blob = blob(hash);
    try {
      Files.createDirectories(pointer.getParent());
      if (!symlinks || !linked(pointer, pointer.getParent().relativize(blob))) {
        AtomicFile.write(pointer, aside -> Files.copy(blob, aside));
      }
    } catch (IOException e) {
      throw unusable(pointer, e);
    }
  }

  private static boolean linked(Path pointer, Path blob) throws IOException {
    Path aside = pointer.resolveSibling("." + pointer.getFileName() + "." + UUID.randomUUID());
    try {
      Files.createSymbolicLink(aside, blob);
    } catch (IOException | UnsupportedOperationException e) {
      log.log(Level.DEBUG, pointer + ": no symbolic link: " + e);
      return false;
    }
    AtomicFile.rename(aside, pointer);
    return true;
  }

  private static SfumatoException unusable(Path path, IOException e) {
    return new SfumatoException(path + ": the cache is unusable: " + AtomicFile.reason(e), e);
  }
}
