package dev.sfumato.hub;

import dev.sfumato.hub.HubServer.RemoteFile;
import java.util.List;

/** Adds up the progress of the downloads of a snapshot. */
final class Progress {
  private final ProgressListener listener;
  private final long total;
  private long done;

  Progress(List<RemoteFile> files, ProgressListener listener) {
    this.listener = listener;
    total = files.stream().mapToLong(file -> Math.max(0, file.size())).sum();
  }

  /** Counts arrived bytes, or discarded ones if negative. */
  synchronized void add(long bytes) {
    done += bytes;
    listener.onProgress(done, total);
  }
}
