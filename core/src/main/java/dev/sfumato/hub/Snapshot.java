package dev.sfumato.hub;

import dev.sfumato.Printable;
import dev.sfumato.SfumatoException;
import dev.sfumato.hub.HubServer.RemoteFile;
import dev.sfumato.io.AtomicFile;
import java.io.IOException;
import java.lang.System.Logger.Level;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletionService;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorCompletionService;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.stream.Collectors;

/** The files of one commit, on the server and in the cache. */
final class Snapshot {
  private static final System.Logger log = System.getLogger(Snapshot.class.getName());
  private static final int THREADS = 4;

  private final HubSettings settings;
  private final HubServer server;
  private final RepositoryCache cache;
  private final String commit;

  Snapshot(HubSettings settings, HubServer server, RepositoryCache cache, String commit) {
    this.settings = settings;
    this.server = server;
    this.cache = cache;
    this.commit = commit;
  }

  /**
   * Downloads the uncached ones of {@code files}, a few at a time, and returns the folder. The
   * settings come first and are checked.
   */
  Path complete(List<String> files, FileChoice choice, ProgressListener listener) {
    cache.mark();
    noteAllFiles();
    List<String> missing = files.stream().filter(file -> !cache.has(commit, file)).toList();
    List<RemoteFile> described = inParallel(missing, this::describe);
    Progress progress = new Progress(described, listener);
    Map<Boolean, List<RemoteFile>> settingsFirst =
        described.stream().collect(Collectors.partitioningBy(f -> f.name().endsWith(".json")));
    inParallel(settingsFirst.get(true), file -> bring(file, progress));
    if (!settingsFirst.get(false).isEmpty()) {
      choice.requireSupported(cache.snapshot(commit));
    }
    inParallel(settingsFirst.get(false), file -> bring(file, progress));
    return cache.snapshot(commit);
  }

  /**
   * Records all files of the commit; without the server's list, missing ones are only unknown
   * offline.
   */
  private void noteAllFiles() {
    if (cache.allFiles(commit).isEmpty()) {
      try {
        cache.writeAllFiles(commit, server.tree(commit));
      } catch (IOException | SfumatoException e) {
        log.log(Level.DEBUG, commit + ": no list of all files", e);
      }
    }
  }

  private RemoteFile describe(String file) {
    try {
      Optional<RemoteFile> found =
          new Retries(settings.pause(), IOException.class).run(() -> server.describe(commit, file));
      if (found.isEmpty()) {
        cache.writeMissing(commit, file);
      }
      return found.orElseThrow(
          () -> new SfumatoException(file + ": the server lists this file but does not have it"));
    } catch (IOException e) {
      throw new SfumatoException(file + ": not downloaded: " + AtomicFile.reason(e), e);
    }
  }

  private Path bring(RemoteFile file, Progress progress) {
    try {
      return bringAsDescribed(file, progress);
    } catch (Download.WrongBytes e) {
      RemoteFile now = describe(file.name());
      if (now.hash().equals(file.hash())) {
        throw e;
      }
      log.log(
          Level.WARNING,
          Printable.shortened(file.name()) + ": changed on the server while it was downloaded");
      return bringAsDescribed(now, progress);
    }
  }

  private Path bringAsDescribed(RemoteFile file, Progress progress) {
    Path blob = cache.blob(file.hash());
    try (FileLock lock = cache.lock(file.hash())) {
      if (Files.isRegularFile(blob)) {
        progress.add(Math.max(0, file.size()));
      } else {
        Download.to(
            blob, file, first -> server.content(commit, file.name(), first), settings, progress);
      }
      cache.link(file.hash(), commit, file.name());
    }
    return blob;
  }

  /** Runs {@code work} on all items; the first failure stops the rest. */
  private static <A, B> List<B> inParallel(List<A> items, Function<A, B> work) {
    ExecutorService threads = Executors.newFixedThreadPool(THREADS, Snapshot::daemon);
    try {
      CompletionService<B> running = new ExecutorCompletionService<>(threads);
      items.forEach(item -> running.submit(() -> work.apply(item)));
      List<B> results = new ArrayList<>();
      while (results.size() < items.size()) {
        results.add(running.take().get());
      }
      return results;
    } catch (ExecutionException e) {
      throw e.getCause() instanceof RuntimeException failure
          ? failure
          : new IllegalStateException(e.getCause());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new SfumatoException("interrupted", e);
    } finally {
      stop(threads);
    }
  }

  private static Thread daemon(Runnable work) {
    Thread thread = new Thread(work, "hub");
    thread.setDaemon(true);
    return thread;
  }

  private static void stop(ExecutorService threads) {
    threads.shutdownNow();
    try {
      threads.awaitTermination(1, TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
