package dev.sfumato.hub;

/** Hears how far the downloads of a snapshot are, all its files together. */
@FunctionalInterface
public interface ProgressListener {
  /** Listens to nothing. */
  ProgressListener NONE = (done, total) -> {};

  /**
   * Called now and then, by one thread at a time.
   *
   * @param done bytes that are there, those of earlier, broken downloads included; it goes down
   *     where a file has to be started again
   * @param total bytes of all files that were missing when it began
   */
  void onProgress(long done, long total);
}
