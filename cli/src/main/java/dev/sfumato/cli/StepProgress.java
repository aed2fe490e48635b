package dev.sfumato.cli;

import java.io.Console;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.function.Supplier;
import me.tongfei.progressbar.DelegatingProgressBarConsumer;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;
import me.tongfei.progressbar.ProgressState;

/** A progress bar on standard error, if that is a terminal. */
final class StepProgress implements AutoCloseable {
  private static final int WIDTH = 100;
  private static final Path STANDARD_ERROR = Path.of("/proc/self/fd/2");

  private final ProgressBar bar;

  StepProgress(String task, long done, long steps) {
    this(task, done, steps, "", 1);
  }

  private StepProgress(String task, long done, long max, String unit, long unitSize) {
    bar = hasTerminal() ? bar(task, done, max, unit, unitSize) : null;
  }

  private static ProgressBar bar(String task, long done, long max, String unit, long unitSize) {
    ProgressBarBuilder builder =
        new ProgressBarBuilder()
            .setTaskName(task)
            .setStyle(ProgressBarStyle.ASCII)
            .setInitialMax(max)
            .setUnit(unit, unitSize)
            .startsFrom(done, Duration.ZERO)
            .setUpdateIntervalMillis(250)
            .continuousUpdate()
            .setConsumer(new DelegatingProgressBarConsumer(StepProgress::show, WIDTH))
            .clearDisplayOnFinish();
    return (max < 0 ? builder.setRenderer(StepProgress::withoutEnd) : builder).build();
  }

  /** Returns the line of a task of unknown length, such as {@code load the model, 3 s}. */
  private static String withoutEnd(ProgressState state, int width) {
    String message = state.getExtraMessage().strip();
    long seconds = Duration.between(state.getStartInstant(), Instant.now()).toSeconds();
    return state.getTaskName() + (message.isEmpty() ? "" : ": " + message) + ", " + seconds + " s";
  }

  /** Counts megabytes; their total is set later. */
  static StepProgress ofBytes(String task) {
    return new StepProgress(task, 0, 1, " MB", 1_000_000);
  }

  /** Does work that has no steps, and shows that it goes on. */
  static <T> T during(String task, Supplier<T> work) {
    try (StepProgress progress = ofTask(task)) {
      return work.get();
    }
  }

  /** Shows that a task goes on, without an end in sight. */
  static StepProgress ofTask(String task) {
    return new StepProgress(task, 0, -1);
  }

  /**
   * Rewrites the line; a narrower terminal cuts it off. The library's own consumer asks JLine for
   * the width, which would take Ctrl-C away from the program.
   */
  private static void show(String text) {
    System.err.print("\r\033[?7l" + text + "\033[K\033[?7h");
  }

  /**
   * Returns whether standard error is a terminal. Since Java 22 a console may lack one, and a
   * method tells.
   */
  static boolean hasTerminal() {
    if (Files.isRegularFile(STANDARD_ERROR)) {
      return false;
    }
    Console console = System.console();
    try {
      return console != null && (boolean) Console.class.getMethod("isTerminal").invoke(console);
    } catch (NoSuchMethodException e) {
      return true;
    } catch (ReflectiveOperationException e) {
      return false;
    }
  }

  void stepTo(long step) {
    if (bar != null) {
      bar.stepTo(step);
    }
  }

  void stepTo(long step, long steps) {
    if (bar != null) {
      bar.maxHint(steps);
      bar.stepTo(step);
    }
  }

  void message(String message) {
    if (bar != null) {
      bar.setExtraMessage(" " + message);
    }
  }

  /** Prints a permanent line in place of the bar, which continues below it. */
  void line(String text) {
    if (bar != null) {
      System.err.print("\r\033[K" + text + System.lineSeparator());
    }
  }

  @Override
  public void close() {
    if (bar != null) {
      bar.close();
    }
  }
}
