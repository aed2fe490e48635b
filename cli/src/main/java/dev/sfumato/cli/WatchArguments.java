package dev.sfumato.cli;

import dev.sfumato.SfumatoException;
import dev.sfumato.run.Training;
import dev.sfumato.run.WatchOptions;
import dev.sfumato.tracking.MlflowSettings;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import picocli.CommandLine.Option;

/** Options for watching and saving a run. */
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
      names = "--validation-prompt",
      paramLabel = "TEXT",
      split = "\n",
      description =
          "Text-to-image models: a text to draw in sample grids, again for more; they are drawn in"
              + " turn (default: captions of the training pictures).")
  List<String> validationPrompts = List.of();

  @Option(
      names = "--checkpoint-every",
      paramLabel = "N",
      description = "Steps between checkpoints; 0: only at the end (default: ${DEFAULT-VALUE}).")
  long checkpointEvery;

  @Option(
      names = "--checkpoints-keep",
      paramLabel = "N",
      description = "Number of checkpoints to keep (default: ${DEFAULT-VALUE}).")
  int checkpointsKeep;

  @Option(
      names = "--log",
      paramLabel = "csv|tensorboard|mlflow",
      split = ",",
      defaultValue = "csv,tensorboard",
      description =
          "Destination of metrics; csv is always written, mlflow is configured by"
              + " MLFLOW_TRACKING_URI,"
              + " MLFLOW_EXPERIMENT_NAME and so on (default: ${DEFAULT-VALUE}).")
  Set<Log> log;

  @Option(
      names = "--license",
      paramLabel = "ID",
      description =
          "Licence of the result for its model card, as the Hub names it, such as cc0-1.0"
              + " (default: not stated).")
  String license;

  @Option(
      names = "--validation-data",
      paramLabel = "DATA",
      description =
          "Pictures for the validation loss; of these, the validation or test split if there"
              + " is one (default: that split of --data, else the first training pictures).")
  String validationData;

  @Option(
      names = "--validation-share",
      paramLabel = "X",
      description =
          "Share of the pictures to hold out from training for the validation loss (default:"
              + " ${DEFAULT-VALUE}).")
  double validationShare;

  /** Adds the licence, if it is given. */
  Training licensed(Training whole) {
    return license == null ? whole : whole.withLicense(license);
  }

  /** Adds the pictures for the validation loss. */
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
            new WatchOptions.Samples(sampleEvery, sampleSteps, sampleCount, validationPrompts),
            new WatchOptions.Checkpoints(checkpointEvery, checkpointsKeep),
            log.contains(Log.TENSORBOARD),
            Optional.empty());
    return log.contains(Log.MLFLOW) ? watch.withMlflow(MlflowSettings.of(System.getenv())) : watch;
  }
}
