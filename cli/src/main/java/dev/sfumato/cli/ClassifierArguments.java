package dev.sfumato.cli;

import dev.sfumato.InvalidOptionException;
import dev.sfumato.data.DataOptions;
import dev.sfumato.evaluation.ClassifierCard;
import dev.sfumato.evaluation.ClassifierTraining;
import dev.sfumato.evaluation.PictureClassifier;
import dev.sfumato.tensor.Device;
import java.nio.file.Path;
import java.util.Locale;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** The training of a classifier. */
final class ClassifierArguments {
  @Option(
      names = "--data",
      paramLabel = "DATA",
      description =
          "Pictures with classes for --train-classifier, in any form that train takes."
              + " Without a test split, a tenth of them is held out.")
  String data;

  @Option(
      names = "--label-column",
      paramLabel = "NAME",
      description = "With --data: column of classes in Parquet and metadata files.")
  String labelColumn = "";

  @Option(
      names = "--resolution",
      paramLabel = "PX",
      description =
          "With --data: side of the pictures, 4 to 128 (default: an idx file's own, else 64).")
  int resolution = DataOptions.NATIVE;

  @Option(
      names = "--epochs",
      paramLabel = "N",
      defaultValue = "4",
      description = "Passes of --train-classifier over --data (default: ${DEFAULT-VALUE}).")
  int epochs;

  @Spec(Spec.Target.MIXEE)
  CommandSpec command;

  /** Trains a classifier and writes it to {@code folder}. */
  ClassifierCard train(Path folder, Device device, long seed) {
    if (data == null) {
      throw new InvalidOptionException("--train-classifier needs --data");
    }
    DataOptions options =
        DataOptions.defaults()
            .withResolution(resolution)
            .withColumns(new DataOptions.Columns("", labelColumn, ""));
    ClassifierTraining training = ClassifierTraining.on(data, options, epochs, seed);
    try (PictureClassifier trained = trained(training, device)) {
      trained.save(folder);
      System.out.println(folder + ": " + trained.card().summary());
      return trained.card();
    }
  }

  private PictureClassifier trained(ClassifierTraining training, Device device) {
    try (StepProgress progress = new StepProgress("train", 0, training.steps())) {
      return training.run(
          device,
          commandLine(),
          (step, loss) -> {
            progress.stepTo(step);
            progress.message(String.format(Locale.ROOT, "loss %.4f", loss));
          });
    }
  }

  private String commandLine() {
    return "sfumato "
        + String.join(" ", command.root().commandLine().getParseResult().originalArgs());
  }
}
