package dev.sfumato.hub;

import dev.sfumato.SfumatoException;
import java.io.IOException;
import java.time.Duration;

/** New attempts after failures that may pass, with longer and longer pauses. */
final class Retries {
  private static final int LIMIT = 5;
  private static final Duration LONGEST = Duration.ofMinutes(1);

  private final Duration pause;
  private final Class<? extends IOException> passing;
  private int failures;

  /**
   * @param pause before the first new attempt
   * @param passing the failures after which there is one
   */
  Retries(Duration pause, Class<? extends IOException> passing) {
    this.pause = pause;
    this.passing = passing;
  }

  /** The server said that it is busy and when to ask again. */
  static final class Busy extends IOException {
    private static final long serialVersionUID = 1L;
    private final Duration wait;

    Busy(String message, Duration wait) {
      super(message);
      this.wait = wait;
    }
  }

  /** Something that may fail for a while. */
  @FunctionalInterface
  interface Attempt<T> {
    T run() throws IOException;
  }

  /**
   * Runs {@code attempt} until it succeeds.
   *
   * @throws IOException the fifth failure, or one that does not pass
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

  /** Something was achieved: what failed before no longer counts. */
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
