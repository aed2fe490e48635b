package dev.sfumato.cli;

import java.util.concurrent.CountDownLatch;

/**
 * Ctrl-C asks the work to end at the next step and waits until it has saved what it has; a second
 * Ctrl-C does not wait.
 */
final class Interruption {
  private static volatile boolean asked;
  private final CountDownLatch done = new CountDownLatch(1);

  private Interruption() {}

  static Interruption listen() {
    Interruption interruption = new Interruption();
    Runtime.getRuntime().addShutdownHook(new Thread(interruption::waitForWork, "interruption"));
    return interruption;
  }

  /** Whether the user wants the work to end. */
  static boolean asked() {
    return asked;
  }

  void workIsDone() {
    done.countDown();
  }

  private void waitForWork() {
    asked = true;
    try {
      done.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
