package dev.sfumato.cli;

import dev.sfumato.SfumatoException;
import dev.sfumato.data.DataOptions;
import dev.sfumato.data.Dataset;
import dev.sfumato.data.Datasets;
import dev.sfumato.data.HeldOut;
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
      defaultValue = "500",
      description =
          "Steps between sample grids, the first before any training; 0: only at the end (default:"
              + " ${DEFAULT-VALUE}).")
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
      defaultValue = "0",
      description =
          "Share of the pictures that are not trained on but measured on (default:"
              + " ${DEFAULT-VALUE}).")
  double validationShare;

  /** Which of {@code all} pictures are trained on, and on which ones the loss is measured. */
  HeldOut heldOut(Dataset all, DataArguments pictures, long seed) {
    if (validationShare > 0) {
      return HeldOut.share(all, validationShare, seed);
    }
    if (validationData == null) {
      return new HeldOut(all, own(all, pictures));
    }
    DataOptions same =
        pictures
            .options()
            .withResolution(all.height())
            .withChannels(
                all.channels() == 1 ? DataOptions.Channels.GRAY : DataOptions.Channels.RGB);
    Dataset validation =
        Datasets.openValidationSplit(validationData, same.withSplit(DataOptions.Split.TRAIN))
            .orElseGet(
                () -> Datasets.open(validationData, same.withSplit(DataOptions.Split.TRAIN)));
    return new HeldOut(all, validation);
  }

  /** The data's own validation or test pictures, if they can be measured on. */
  private static Dataset own(Dataset all, DataArguments pictures) {
    Optional<Dataset> validation = Datasets.openValidationSplit(pictures.data, pictures.options());
    if (validation.isPresent() && !validation.get().classNames().equals(all.classNames())) {
      System.err.println(
          "the validation pictures of --data have no classes or others: the loss is measured on the"
              + " training pictures");
      return all;
    }
    return validation.orElse(all);
  }

  WatchOptions options() {
    if (!(validationShare >= 0 && validationShare < 1)) {
      throw new SfumatoException("--validation-share must be in [0, 1)");
    }
    if (validationShare > 0 && validationData != null) {
      throw new SfumatoException("--validation-data and --validation-share exclude each other");
    }
    return new WatchOptions(
        sampleEvery,
        sampleSteps,
        sampleCount,
        checkpointEvery,
        checkpointsKeep,
        log.contains(Log.TENSORBOARD),
        log.contains(Log.MLFLOW)
            ? Optional.of(MlflowSettings.of(System.getenv()))
            : Optional.empty());
  }
}
