package dev.sfumato.cli;

import dev.sfumato.pipeline.WatchOptions;
import java.util.Set;
import picocli.CommandLine.Option;

/** What a run keeps and shows while it goes on. */
final class WatchArguments {
  enum Log {
    CSV,
    TENSORBOARD
  }

  @Option(
      names = "--sample-every",
      paramLabel = "N",
      defaultValue = "500",
      description = "Steps between sample grids; 0: only at the end (default: ${DEFAULT-VALUE}).")
  long sampleEvery;

  @Option(
      names = "--sample-steps",
      paramLabel = "N",
      defaultValue = "50",
      description = "Scheduler steps of a sample (default: ${DEFAULT-VALUE}).")
  int sampleSteps;

  @Option(
      names = "--sample-count",
      paramLabel = "N",
      defaultValue = "16",
      description = "Pictures of a sample grid; 0: no grids (default: ${DEFAULT-VALUE}).")
  int sampleCount;

  @Option(
      names = "--checkpoint-every",
      paramLabel = "N",
      defaultValue = "500",
      description = "Steps between checkpoints; 0: only at the end (default: ${DEFAULT-VALUE}).")
  long checkpointEvery;

  @Option(
      names = "--checkpoints-keep",
      paramLabel = "N",
      defaultValue = "2",
      description = "How many checkpoints stay (default: ${DEFAULT-VALUE}).")
  int checkpointsKeep;

  @Option(
      names = "--log",
      paramLabel = "csv,tensorboard",
      split = ",",
      defaultValue = "csv,tensorboard",
      description = "Where metrics go; csv is always written (default: ${DEFAULT-VALUE}).")
  Set<Log> log;

  WatchOptions options() {
    return new WatchOptions(
        sampleEvery,
        sampleSteps,
        sampleCount,
        checkpointEvery,
        checkpointsKeep,
        log.contains(Log.TENSORBOARD));
  }
}
