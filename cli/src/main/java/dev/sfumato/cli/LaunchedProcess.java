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
 * flags. All output of rank 0 is passed on; from the others, only messages, after their rank.
 * Errors are kept, so that the user sees only the first one.
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
   * @param port the port where all processes meet
   * @param arguments the program's arguments
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
    environment.put("LOCAL_WORLD_SIZE", String.valueOf(size));
    environment.put("WORLD_SIZE", String.valueOf(size));
    environment.put("MASTER_ADDR", "127.0.0.1");
    environment.put("MASTER_PORT", String.valueOf(port));
    environment.remove("TORCHELASTIC_USE_AGENT_STORE");
    int cores = Runtime.getRuntime().availableProcessors();
    environment.putIfAbsent("OMP_NUM_THREADS", String.valueOf(Math.max(1, cores / size)));
    environment.putIfAbsent("TORCH_CPP_LOG_LEVEL", "FATAL"); // its errors come as exceptions, too
    return new LaunchedProcess(rank, builder.start());
  }

  /** Passes messages on; a line that ends with a carriage return is a progress bar. */
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
      if (!error.isEmpty()) { // the last one says why it ended
        System.err.println(ERROR + error);
      }
      error = line.substring(ERROR.length()).strip();
    } else if (!line.isEmpty()) {
      System.err.print(rank == 0 ? line : "rank " + rank + ": " + line);
    }
  }

  boolean isAlive() {
    return process.isAlive();
  }

  /** Returns the exit status of a process that has ended. */
  int status() {
    return process.exitValue();
  }

  /** Returns whether it has failed, except by a requested end. */
  boolean hasFailed() {
    return !isAlive()
        && status() != 0
        && status() != SIGNALLED + SIGINT
        && status() != SIGNALLED + SIGTERM;
  }

  /** Returns the reason of its failure. */
  String failure() {
    String reason =
        !error.isEmpty()
            ? error
            : status() > SIGNALLED
                ? "ended by signal " + (status() - SIGNALLED) + "; --resume continues"
                : "ended with status " + status();
    return "rank " + rank + ": " + reason;
  }

  // Unlike those of the process, its handle's methods do not close its output.

  /** Tells it to save and end. */
  void interrupt() {
    process.toHandle().destroy();
  }

  void kill() {
    process.toHandle().destroyForcibly();
  }

  /** Waits for the end of its output. */
  void awaitOutput() throws InterruptedException {
    messages.join();
  }
}
