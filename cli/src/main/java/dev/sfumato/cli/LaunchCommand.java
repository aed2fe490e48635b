package dev.sfumato.cli;

import dev.sfumato.InvalidOptionException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code sfumato launch}. */
@Command(
    name = "launch",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    footer = {
      "Examples:",
      "  sfumato launch --processes 2 train --data pictures/ --output runs/mine"
    },
    description = {
      "Runs train or finetune in several processes on this machine that train one model.",
      "A batch has --batch-size pictures for each process. For several machines, start the command"
          + " itself once per process with torchrun, Slurm or Kubeflow, which set RANK, WORLD_SIZE,"
          + " MASTER_ADDR and MASTER_PORT."
    })
final class LaunchCommand implements Callable<Integer> {
  private static final Set<String> LAUNCHED = Set.of("train", "finetune");
  private static final Duration TO_END_BY_THEMSELVES = Duration.ofSeconds(10);

  @Option(
      names = "--processes",
      required = true,
      paramLabel = "N",
      description = "Number of processes; they share the cores, or use one GPU each.")
  int processes;

  @Parameters(
      arity = "1..*",
      paramLabel = "COMMAND",
      description = "train or finetune, with its options.")
  List<String> command;

  private final List<LaunchedProcess> started = new ArrayList<>();

  @Override
  public Integer call() throws IOException, InterruptedException {
    if (processes < 1) {
      throw new InvalidOptionException("--processes must be at least 1");
    }
    if (!LAUNCHED.contains(command.get(0))) {
      throw new InvalidOptionException(
          "'" + command.get(0) + "' cannot run in several processes: use train or finetune");
    }
    try (Interruption.Delay delay = Interruption.delay()) {
      int port = freePort();
      for (int rank = 0; rank < processes && !isOver(); rank++) {
        started.add(LaunchedProcess.start(rank, processes, port, command));
      }
      return waitForAll();
    } finally {
      started.forEach(LaunchedProcess::kill);
    }
  }

  /** Returns whether the others need not be started. */
  private boolean isOver() {
    return Interruption.asked() || started.stream().anyMatch(LaunchedProcess::hasFailed);
  }

  private static int freePort() throws IOException {
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return socket.getLocalPort();
    }
  }

  /** Waits for all processes and returns the exit status of the first that failed. */
  private int waitForAll() throws InterruptedException {
    Optional<LaunchedProcess> failed = Optional.empty();
    boolean interrupted = false;
    long killAt = Long.MAX_VALUE;
    while (started.stream().anyMatch(LaunchedProcess::isAlive)) {
      Thread.sleep(50);
      if (Interruption.asked() && !interrupted) {
        interrupted = true;
        started.forEach(LaunchedProcess::interrupt);
      }
      if (failed.isEmpty() && !interrupted) {
        failed = started.stream().filter(LaunchedProcess::hasFailed).findFirst();
        killAt = failed.isEmpty() ? killAt : System.nanoTime() + TO_END_BY_THEMSELVES.toNanos();
      }
      if (System.nanoTime() > killAt) {
        started.forEach(LaunchedProcess::kill);
      }
    }
    for (LaunchedProcess process : started) {
      process.awaitOutput();
    }
    failed = failed.or(() -> started.stream().filter(LaunchedProcess::hasFailed).findFirst());
    failed.ifPresent(process -> System.err.println("error: " + process.failure()));
    return failed
        .or(() -> started.stream().filter(process -> process.status() != 0).findFirst())
        .map(LaunchedProcess::status)
        .orElse(0);
  }
}
