package dev.sfumato.cli;

import java.lang.reflect.Proxy;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Ctrl-C (SIGINT), SIGTERM and SIGHUP. Work that must save something holds a {@link #delay}: the
 * process then ends only when that is closed, and the work should check {@link #asked} and end
 * soon. Other work ends at once, and a second Ctrl-C ends all work at once, including launched
 * processes. A second SIGTERM does not: {@code timeout} sends two, and who wants the end at once
 * sends SIGKILL. The exit status is the system's: 130 after SIGINT, 143 after SIGTERM.
 */
final class Interruption {
  private static final List<String> SIGNALS = List.of("INT", "TERM", "HUP");
  private static final int SIGNALLED = 128;

  private static final ReentrantLock DELAY = new ReentrantLock();
  private static final AtomicBoolean CTRL_C = new AtomicBoolean();
  private static volatile boolean asked;

  private Interruption() {}

  /** Handles signals from now on: they wait for delays, but a second Ctrl-C does not. */
  static void listen() {
    Runtime.getRuntime().addShutdownHook(new Thread(Interruption::await, "interruption"));
    SIGNALS.forEach(Interruption::handle);
  }

  /**
   * Handles a signal by reflection, since the compiler warns of sun.misc, the JDK's only access to
   * signals.
   */
  private static void handle(String name) {
    try {
      Class<?> type = Class.forName("sun.misc.Signal");
      Class<?> handlerType = Class.forName("sun.misc.SignalHandler");
      Object signal = type.getConstructor(String.class).newInstance(name);
      int status = SIGNALLED + (int) type.getMethod("getNumber").invoke(signal);
      Object handler =
          Proxy.newProxyInstance(
              Interruption.class.getClassLoader(),
              new Class<?>[] {handlerType},
              (proxy, method, arguments) -> end(status, name.equals("INT")));
      type.getMethod("handle", type, handlerType).invoke(null, signal, handler);
    } catch (ReflectiveOperationException e) {
      // With -Xrs, and on a JVM without sun.misc, signals do what the system does with them.
    }
  }

  private static Void end(int status, boolean ctrlC) {
    if (ctrlC && !CTRL_C.compareAndSet(false, true)) {
      ProcessHandle.current().descendants().forEach(ProcessHandle::destroyForcibly);
      Runtime.getRuntime().halt(status);
    }
    System.exit(status);
    return null;
  }

  private static void await() {
    asked = true;
    if (!DELAY.tryLock()) {
      boolean launches = ProcessHandle.current().descendants().findAny().isPresent();
      if (StepProgress.hasTerminal() && !launches) { // else a launched process says it
        System.err.println("\nending once the work is saved; a second Ctrl-C ends at once");
      }
      DELAY.lock();
    }
  }

  /** Returns whether the user wants the work to end. */
  static boolean asked() {
    return asked;
  }

  /** Delays interruptions until this thread closes the result. */
  static Delay delay() {
    DELAY.lock();
    return DELAY::unlock;
  }

  /** A period in which the process does not end. */
  interface Delay extends AutoCloseable {
    @Override
    void close();
  }
}
