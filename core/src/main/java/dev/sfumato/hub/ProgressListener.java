package dev.sfumato.hub;

/** Follows the downloads of a snapshot, all files together. */
@FunctionalInterface
public interface ProgressListener {
  /** A listener that does nothing. */
  ProgressListener NONE = (done, total) -> {};

  /**
   * Called now and then, by one thread at a time.
   *
   * @param done bytes present, including those of earlier, broken downloads; it falls if a file
   *     starts again
   * @param total bytes of all files that were missing at the start
   */
  void onProgress(long done, long total);
}
