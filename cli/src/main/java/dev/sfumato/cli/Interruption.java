package dev.sfumato.cli;

import java.util.concurrent.locks.ReentrantLock;

/**
 * Ctrl-C (SIGINT) and SIGTERM. Work that has something to save holds a {@link #delay}: the process
 * then ends only when that is closed, and the work is expected to look at {@link #asked} and to end
 * soon. Other work ends at once. The exit status is the system's: 130 after SIGINT, 143 after
 * SIGTERM.
 */
final class Interruption {
  private static final ReentrantLock DELAY = new ReentrantLock();
  private static volatile boolean asked;

  private Interruption() {}

  /** From now on an interruption waits for delays. */
  static void listen() {
    Runtime.getRuntime().addShutdownHook(new Thread(Interruption::await, "interruption"));
  }

  private static void await() {
    asked = true;
    DELAY.lock();
  }

  /** Whether the user wants the work to end. */
  static boolean asked() {
    return asked;
  }

  /** Puts an interruption off until it is closed, by this thread. */
  static Delay delay() {
    DELAY.lock();
    return DELAY::unlock;
  }

  /** A time in which the process does not end. */
  interface Delay extends AutoCloseable {
    @Override
    void close();
  }
}
