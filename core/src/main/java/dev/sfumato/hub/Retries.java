package dev.sfumato.hub;

import dev.sfumato.SfumatoException;
import java.io.IOException;
import java.time.Duration;

/** New attempts after temporary failures, with growing pauses. */
final class Retries {
  private static final int LIMIT = 5;
  private static final Duration LONGEST = Duration.ofMinutes(1);

  private final Duration pause;
  private final Class<? extends IOException> passing;
  private int failures;

  /**
   * @param pause the pause before the first new attempt
   * @param passing the failures that allow a new attempt
   */
  Retries(Duration pause, Class<? extends IOException> passing) {
    this.pause = pause;
    this.passing = passing;
  }

  /** The failure of a busy server that said when to ask again. */
  static final class Busy extends IOException {
    private static final long serialVersionUID = 1L;
    private final Duration wait;

    Busy(String message, Duration wait) {
      super(message);
      this.wait = wait;
    }
  }

  /** Work that may fail for a while. */
  @FunctionalInterface
  interface Attempt<T> {
    T run() throws IOException;
  }

  /**
   * Runs {@code attempt} until it succeeds.
   *
   * @throws IOException the fifth failure, or a lasting one
   */
  <T> T run(Attempt<T> attempt) throws IOException {
    while (true) {
      try {
        return attempt.run();
      } catch (IOException e) {
        await(e);
      }
    }
  }

  /** Resets the count of failures after progress. */
  void restart() {
    failures = 0;
  }

  private void await(IOException failure) throws IOException {
    if (!passing.isInstance(failure) || ++failures == LIMIT) {
      throw failure;
    }
    Duration wait = pause.multipliedBy(1L << (failures - 1));
    if (failure instanceof Busy busy && busy.wait.compareTo(wait) > 0) {
      wait = busy.wait;
    }
    try {
      Thread.sleep((wait.compareTo(LONGEST) < 0 ? wait : LONGEST).toMillis());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new SfumatoException("interrupted", e);
    }
  }
}
