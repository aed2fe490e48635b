package dev.sfumato.hub;

import dev.sfumato.hub.HubServer.RemoteFile;
import java.util.List;

/** Adds up what the downloads of a snapshot do. */
final class Progress {
  private final ProgressListener listener;
  private final long total;
  private long done;

  Progress(List<RemoteFile> files, ProgressListener listener) {
    this.listener = listener;
    total = files.stream().mapToLong(file -> Math.max(0, file.size())).sum();
  }

  /** Counts bytes that arrived, or, below zero, that were given up. */
  synchronized void add(long bytes) {
    done += bytes;
    listener.onProgress(done, total);
  }
}
