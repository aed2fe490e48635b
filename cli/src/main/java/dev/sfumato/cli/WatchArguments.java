package dev.sfumato.cli;

import dev.sfumato.SfumatoException;
import dev.sfumato.run.Training;
import dev.sfumato.run.WatchOptions;
import dev.sfumato.tracking.MlflowSettings;
import java.util.Optional;
import java.util.Set;
import picocli.CommandLine.Option;

/** What a run keeps and shows while it goes on. */
final class WatchArguments {
  enum Log {
    CSV,
    TENSORBOARD,
    MLFLOW
  }

  @Option(
      names = "--sample-every",
      paramLabel = "N",
      description =
          "Steps between sample grids, the first before any training; 0: only at the end (default:"
              + " ${DEFAULT-VALUE}).")
  long sampleEvery;

  @Option(
      names = "--sample-steps",
      paramLabel = "N",
      description = "Scheduler steps of a sample (default: ${DEFAULT-VALUE}).")
  int sampleSteps;

  @Option(
      names = "--sample-count",
      paramLabel = "N",
      description = "Pictures of a sample grid; 0: no grids (default: ${DEFAULT-VALUE}).")
  int sampleCount;

  @Option(
      names = "--checkpoint-every",
      paramLabel = "N",
      description = "Steps between checkpoints; 0: only at the end (default: ${DEFAULT-VALUE}).")
  long checkpointEvery;

  @Option(
      names = "--checkpoints-keep",
      paramLabel = "N",
      description = "How many checkpoints stay (default: ${DEFAULT-VALUE}).")
  int checkpointsKeep;

  @Option(
      names = "--log",
      paramLabel = "csv,tensorboard,mlflow",
      split = ",",
      defaultValue = "csv,tensorboard",
      description =
          "Where metrics go; csv is always written, mlflow is configured by MLFLOW_TRACKING_URI,"
              + " MLFLOW_EXPERIMENT_NAME and so on (default: ${DEFAULT-VALUE}).")
  Set<Log> log;

  @Option(
      names = "--validation-data",
      paramLabel = "DATA",
      description =
          "Pictures that the validation loss is measured on, their validation or test split if they"
              + " have one (default: that of --data, else the first of the training pictures).")
  String validationData;

  @Option(
      names = "--validation-share",
      paramLabel = "X",
      description =
          "Share of the pictures that are not trained on but measured on (default:"
              + " ${DEFAULT-VALUE}).")
  double validationShare;

  /** Adds what the loss is measured on. */
  Training validation(Training whole) {
    if (validationShare != 0 && validationData != null) {
      throw new SfumatoException("--validation-data and --validation-share exclude each other");
    }
    return validationData != null
        ? whole.withValidationData(validationData)
        : whole.withValidationShare(validationShare);
  }

  WatchOptions options() {
    WatchOptions watch =
        new WatchOptions(
            new WatchOptions.Samples(sampleEvery, sampleSteps, sampleCount),
            new WatchOptions.Checkpoints(checkpointEvery, checkpointsKeep),
            log.contains(Log.TENSORBOARD),
            Optional.empty());
    return log.contains(Log.MLFLOW) ? watch.withMlflow(MlflowSettings.of(System.getenv())) : watch;
  }
}
