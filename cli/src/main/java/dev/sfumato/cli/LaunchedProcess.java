package dev.sfumato.cli;

import java.io.IOException;
import java.io.InputStreamReader;
import java.io.Reader;
import java.io.UncheckedIOException;
import java.lang.ProcessBuilder.Redirect;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * One of the processes of {@code sfumato launch}: this program with the same Java and the same
 * flags. What rank 0 says is passed on, of the others only messages, with their rank before them;
 * errors are kept, so that the user sees the first one only.
 */
final class LaunchedProcess {
  private static final String ERROR = "error: ";
  private static final int SIGNALLED = 128;
  private static final int SIGINT = 2;
  private static final int SIGTERM = 15;

  private final int rank;
  private final Process process;
  private final Thread messages;
  private volatile String error = "";

  private LaunchedProcess(int rank, Process process) {
    this.rank = rank;
    this.process = process;
    messages = new Thread(this::passMessagesOn, "messages of rank " + rank);
    messages.start();
  }

  /**
   * Starts a process.
   *
   * @param port at which all meet
   * @param arguments of the program
   */
  static LaunchedProcess start(int rank, int size, int port, List<String> arguments)
      throws IOException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(ManagementFactory.getRuntimeMXBean().getInputArguments());
    command.addAll(List.of("-cp", System.getProperty("java.class.path"), Sfumato.class.getName()));
    command.addAll(arguments);
    ProcessBuilder builder = new ProcessBuilder(command);
    builder.redirectInput(rank == 0 ? Redirect.INHERIT : Redirect.PIPE);
    builder.redirectOutput(rank == 0 ? Redirect.INHERIT : Redirect.DISCARD);
    Map<String, String> environment = builder.environment();
    environment.put("RANK", String.valueOf(rank));
    environment.put("LOCAL_RANK", String.valueOf(rank));
    environment.put("WORLD_SIZE", String.valueOf(size));
    environment.put("MASTER_ADDR", "127.0.0.1");
    environment.put("MASTER_PORT", String.valueOf(port));
    environment.remove("TORCHELASTIC_USE_AGENT_STORE");
    int cores = Runtime.getRuntime().availableProcessors();
    environment.putIfAbsent("OMP_NUM_THREADS", String.valueOf(Math.max(1, cores / size)));
    environment.putIfAbsent("TORCH_CPP_LOG_LEVEL", "FATAL"); // its errors come as exceptions, too
    return new LaunchedProcess(rank, builder.start());
  }

  /** A line that ends with a carriage return is the progress bar's. */
  private void passMessagesOn() {
    StringBuilder line = new StringBuilder();
    try (Reader reader = new InputStreamReader(process.getErrorStream(), StandardCharsets.UTF_8)) {
      for (int c = reader.read(); c >= 0; c = reader.read()) {
        line.append((char) c);
        if (c == '\n' || c == '\r') {
          passOn(line.toString());
          line.setLength(0);
        }
      }
      passOn(line.toString());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void passOn(String line) {
    if (line.startsWith(ERROR)) {
      error = line.substring(ERROR.length()).strip();
    } else if (!line.isEmpty()) {
      System.err.print(rank == 0 ? line : "rank " + rank + ": " + line);
    }
  }

  boolean isAlive() {
    return process.isAlive();
  }

  /** The exit status of a process that has ended. */
  int status() {
    return process.exitValue();
  }

  /** Whether it has ended neither well nor because it was told to. */
  boolean hasFailed() {
    return !isAlive()
        && status() != 0
        && status() != SIGNALLED + SIGINT
        && status() != SIGNALLED + SIGTERM;
  }

  /** Why it has failed. */
  String failure() {
    String reason =
        !error.isEmpty()
            ? error
            : status() > SIGNALLED
                ? "ended by signal " + (status() - SIGNALLED) + "; --resume goes on"
                : "ended with status " + status();
    return "rank " + rank + ": " + reason;
  }

  // Unlike those of the process, its handle's methods do not close its output.

  /** Asks it to save and end. */
  void interrupt() {
    process.toHandle().destroy();
  }

  void kill() {
    process.toHandle().destroyForcibly();
  }

  /** Waits for the last of what it has said. */
  void awaitOutput() throws InterruptedException {
    messages.join();
  }
}
