package dev.sfumato.cli;

import dev.sfumato.InvalidOptionException;
import dev.sfumato.SfumatoException;
import dev.sfumato.run.OutputDirectory;
import dev.sfumato.run.Training;
import dev.sfumato.run.TrainingResult;
import dev.sfumato.tensor.Device;
import dev.sfumato.tensor.ProcessGroup;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** The common part of {@code train} and {@code finetune}: everything except the model. */
abstract class TrainingCommand implements Callable<Integer> {
  private static final String LATEST = "latest";

  @Spec CommandSpec spec;

  @Option(
      names = "--output",
      required = true,
      paramLabel = "DIR",
      description = "Folder for the model and all files of the run.")
  Path output;

  @Option(
      names = "--resume",
      arity = "0..1",
      paramLabel = "latest|DIR",
      fallbackValue = LATEST,
      description =
          "Resume from a checkpoint of --output, or start if there is none; options that are not"
              + " given again keep the run's values, but a new --max-steps or --epochs replaces"
              + " both.")
  String resume;

  @Option(names = "--overwrite", description = "Delete an earlier run in --output.")
  boolean overwrite;

  @Mixin DataArguments pictures;
  @Mixin ModelArguments described;
  @Mixin TrainingArguments training;
  @Mixin WeightArguments weights;
  @Mixin WatchArguments watching;
  @Mixin ComputeOptions compute;

  /**
   * Returns the training of the command's model, before the command line's other options are set.
   */
  abstract Training start();

  /** Returns {@code whole} with the model to start from, after downloading it if necessary. */
  abstract Training withModel(Training whole);

  /** Returns {@code whole} with the options that only this command has. */
  Training completed(Training whole) {
    return whole;
  }

  /**
   * Returns whether there is a checkpoint to resume from; a run that was stopped before its first
   * one starts again.
   */
  final boolean goesOn() {
    return resume != null
        && (resume.equals(LATEST)
            ? OutputDirectory.hasCheckpoint(output)
            : Files.isDirectory(Path.of(resume)));
  }

  @Override
  public Integer call() {
    PrintedLog.ofFirstProcess();
    if (resume != null && overwrite) {
      throw new InvalidOptionException(
          "--resume keeps the run in --output and excludes --overwrite");
    }
    if (goesOn()) {
      SavedOptions.requireAsBefore(spec);
    }
    IgnoredOptions.refuse(this);
    Training asked = WrongCall.checked(spec, this::asked);
    Device device = TrainingProcesses.device(spec, compute.apply(), compute.device);
    requireOutside("--data");
    Training whole = asked.needsModel() ? withModel(asked) : asked;
    if (overwrite) { // which would delete what the result needs
      List.of("--vae", "--lora").forEach(this::requireOutside);
    }
    if (overwrite && whole.learnsBesideModel()) {
      requireOutside("--model");
    }
    IgnoredOptions.refuse(spec, whole);
    Downloads.data(pictures.data);
    try (ProcessGroup processes = TrainingProcesses.join(spec);
        TrainingProgress progress = new TrainingProgress(processes.isFirst())) {
      if (resume != null && !goesOn()) {
        progress.note("note: no checkpoint in " + output + ": the run starts from the beginning");
      }
      TrainingResult result = whole.withDevice(device).run(processes, progress);
      progress.end();
      if (processes.isFirst()) {
        report(result);
      }
    }
    return 0;
  }

  /**
   * Refuses to read from the run's own output.
   *
   * @throws SfumatoException if the place that the option names is inside {@code output}
   */
  private void requireOutside(String name) {
    OptionSpec option = spec.findOption(name);
    if (option == null || option.getValue() == null || !Files.exists(output)) {
      return;
    }
    String place = option.getValue().toString();
    try {
      if (Path.of(place).toRealPath().startsWith(output.toRealPath())) {
        throw new SfumatoException(
            String.format(
                Locale.ROOT,
                "%s %s is inside --output %s, which belongs to the run: use separate folders",
                name,
                place,
                output));
      }
    } catch (IOException | InvalidPathException e) {
      return; // not a path, or it does not exist
    }
  }

  private void report(TrainingResult result) {
    if (!result.isFinished()) {
      System.err.printf(
          Locale.ROOT,
          "stopped after step %d of %d; --resume continues%n",
          result.progress().step(),
          result.totalSteps());
    }
    System.out.println(output);
  }

  private Training asked() {
    Training set =
        watching.validation(
            start()
                .withPictures(pictures.options())
                .withBatches(pictures.batches())
                .withModelOptions(described.options())
                .withOptions(training::apply)
                .withObjective(training.objective())
                .withLatentCache(training.latentCache())
                .withWeights(weights.trained())
                .withGradientCheckpointing(weights.gradientCheckpointing)
                .withWatch(watching.options())
                .withPrecision(compute.precision)
                .withSeed(compute.seed)
                .withNotes(SavedOptions.values(spec)));
    Training whole = watching.licensed(completed(set));
    if (resume != null) {
      return resume.equals(LATEST) ? whole.withResume() : whole.withResume(Path.of(resume));
    }
    return overwrite ? whole.withOverwrite() : whole;
  }
}
