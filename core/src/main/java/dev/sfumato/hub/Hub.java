package dev.sfumato.hub;

import dev.sfumato.SfumatoException;
import dev.sfumato.hub.HubServer.Revision;
import dev.sfumato.io.AtomicFile;
import dev.sfumato.io.NearPaths;
import java.io.IOException;
import java.lang.System.Logger.Level;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The Hugging Face Hub and its cache on this machine, which Python's {@code huggingface_hub}
 * shares.
 *
 * <pre>
 * HubId id = HubId.parse("org/name@main").orElseThrow();
 * Path folder = Hub.fromEnvironment()
 *     .snapshot(id, Kind.MODEL, ModelFiles::pipeline, ProgressListener.NONE);
 * </pre>
 */
public final class Hub {
  private static final System.Logger log = System.getLogger(Hub.class.getName());

  /** The warnings of this program, which asks for a model more than once. */
  private static final Set<String> TOLD = ConcurrentHashMap.newKeySet();

  /** Names that mean a file. */
  private static final String FILES = ".*\\.(safetensors|bin|pt|pth|ckpt|json|zip|png|jpe?g)";

  private final HubSettings settings;

  /** Makes a Hub with the given settings. */
  public Hub(HubSettings settings) {
    this.settings = settings;
  }

  /** Returns the Hub that the environment's {@code HF_} variables describe. */
  public static Hub fromEnvironment() {
    return new Hub(HubSettings.fromEnvironment());
  }

  /**
   * The model that people call {@code name}: a path where there is something, else an id of the
   * Hub, whose files are brought into the cache.
   *
   * @param name a path, {@code org/name} or {@code org/name@revision}
   * @param choice which files of a repository
   * @throws SfumatoException if it is neither, empty, or does not come
   */
  public Path locate(String name, FileChoice choice, ProgressListener listener) {
    if (name.isEmpty()) { // otherwise the current folder
      throw new SfumatoException("the name of the model is empty");
    }
    if (exists(name)) {
      return Path.of(name);
    }
    String near = NearPaths.asked(name);
    String what = plain(name).matches(FILES) ? "file" : "model directory";
    String missing = name + ": there is no such " + what + near;
    Optional<HubId> id = isPath(name) ? Optional.empty() : HubId.parse(name);
    if (id.isEmpty()) {
      throw new SfumatoException(
          isPath(name)
              ? missing
              : missing + "; as a name of the Hub it would have the form org/name[@revision]");
    }
    try {
      return snapshot(id.get(), Kind.MODEL, choice, listener);
    } catch (SfumatoException e) {
      // With a directory of nearly the same name, that is what was meant.
      throw new SfumatoException(
          near.isEmpty() ? missing + "; and on the Hub: " + e.getMessage() : missing, e);
    }
  }

  /** Returns true if a name means a place on this machine, even if nothing exists there. */
  private static boolean isPath(String name) {
    String plain = plain(name);
    return plain.matches("[./~].*|.*[/\\\\]")
        || plain.chars().filter(c -> c == '/').count() > 1
        || plain.matches(FILES);
  }

  /** Returns a name without its revision. */
  private static String plain(String name) {
    return name.split("@", 2)[0];
  }

  private static boolean exists(String name) {
    try {
      return Files.exists(Path.of(name));
    } catch (InvalidPathException e) {
      return false;
    }
  }

  /**
   * Downloads the files of a repository that are not in the cache.
   *
   * <p>The server resolves the revision, unless the settings say offline, or all files are cached
   * and the revision is a commit or the cache is read-only. If the server cannot be reached, the
   * files of the last known commit are used, with one warning.
   *
   * @param choice the choice of its files
   * @return the folder of the revision's files; it may hold more files than {@code choice} selects
   * @throws SfumatoException naming the id or the file if the repository or revision does not exist
   *     or may not be read, the server does not answer, a content has the wrong hash, or, without a
   *     server, a file is not cached
   */
  public Path snapshot(HubId id, Kind kind, FileChoice choice, ProgressListener listener) {
    RepositoryCache cache = new RepositoryCache(settings, id, kind);
    if (settings.offline()) {
      return cached(cache, id, choice, "HF_HUB_OFFLINE is set");
    }
    Optional<Path> complete =
        cache
            .commit(id)
            .filter(commit -> missing(cache, commit, choice).isEmpty())
            .map(cache::snapshot);
    if (complete.isPresent() && (id.isCommit() || !cache.isWritable())) {
      return complete.get();
    }
    HubServer server = new HubServer(settings, id, kind);
    try {
      Revision revision =
          complete.isPresent()
              ? server.revision()
              : new Retries(settings.pause(), Retries.Busy.class).run(server::revision);
      List<String> files = chosen(id, revision, choice);
      cache.writeCommit(id, revision.commit());
      return new Snapshot(settings, server, cache, revision.commit())
          .complete(files, choice, listener);
    } catch (IOException e) {
      String reason = settings.endpoint() + " cannot be reached (" + AtomicFile.reason(e) + ")";
      Path snapshot = cached(cache, id, choice, reason);
      String warning = id + ": " + reason + ": using the cached commit " + snapshot.getFileName();
      if (TOLD.add(warning)) {
        log.log(Level.WARNING, warning);
      }
      return snapshot;
    }
  }

  private static List<String> chosen(HubId id, Revision revision, FileChoice choice) {
    try {
      return choice.among(revision.files());
    } catch (FileChoice.Missing e) {
      throw new SfumatoException(id + ": holds no " + e.getMessage(), e);
    }
  }

  private static Path cached(RepositoryCache cache, HubId id, FileChoice choice, String reason) {
    String commit =
        cache
            .commit(id)
            .orElseThrow(() -> new SfumatoException(id + ": not in the cache, and " + reason));
    List<String> missing = missing(cache, commit, choice);
    if (!missing.isEmpty()) {
      int more = missing.size() - 1;
      throw new SfumatoException(
          String.format(
              Locale.ROOT,
              "%s: only partly in the cache (%s%s is missing), and %s",
              id,
              missing.get(0),
              more > 0 ? ", with " + more + " more," : "",
              reason));
    }
    return cache.snapshot(commit);
  }

  /**
   * Returns the chosen files that are not cached. If the commit's files are unknown, {@code choice}
   * sees only the cached ones.
   */
  private static List<String> missing(RepositoryCache cache, String commit, FileChoice choice) {
    List<String> files = cache.allFiles(commit).orElseGet(() -> cache.cachedFiles(commit));
    try {
      return choice.among(files).stream().filter(file -> !cache.has(commit, file)).toList();
    } catch (FileChoice.Missing e) {
      return List.of(e.getMessage());
    }
  }
}
