package dev.sfumato.cli;

import dev.sfumato.guidance.ClassifierFreeGuidance;
import dev.sfumato.sampling.SamplingOptions;
import dev.sfumato.scheduler.RunOptions;
import dev.sfumato.scheduler.SchedulerKind;
import java.util.Map;
import picocli.CommandLine.Option;

/** Options of sampling. */
final class SamplingArguments {
  @Option(
      names = "--batch-size",
      paramLabel = "N",
      description =
          "Pictures per pass through the network; the result does not depend on it (default:"
              + " as many as have 65,536 pixels, 64 of 32 x 32).")
  Integer batchSize;

  @Option(
      names = "--scheduler",
      paramLabel = "NAME",
      description =
          "Update rule, with the model's own settings: ${COMPLETION-CANDIDATES} (default: the"
              + " model's; for evaluate ddim).")
  SchedulerKind scheduler;

  @Option(
      names = "--scheduler-option",
      paramLabel = "NAME=VALUE",
      description =
          "Override one setting of the model's scheduler_config.json, such as"
              + " thresholding=true; can be given several times.")
  Map<String, String> schedulerOptions = Map.of();

  @Option(
      names = "--steps",
      paramLabel = "N",
      description =
          "Steps of the scheduler (default: all training timesteps for ddpm, 4 for lcm and tcd, else"
              + " 50).")
  Integer steps;

  @Option(
      names = "--eta",
      paramLabel = "E",
      defaultValue = "0",
      description =
          "Noise of ddim, 0 (none) to 1 (as ddpm), and of tcd, for which 0.3 is usual (default:"
              + " ${DEFAULT-VALUE}).")
  double eta;

  @Option(
      names = "--class-guidance-scale",
      paramLabel = "W",
      defaultValue = "1",
      description = "Weight of classifier-free guidance; 1: none (default: ${DEFAULT-VALUE}).")
  double classGuidanceScale;

  @Option(
      names = "--class-guidance-from",
      paramLabel = "F",
      defaultValue = "0",
      description =
          "Start of classifier-free guidance as a share of the run, 0 to 1 (default:"
              + " ${DEFAULT-VALUE}).")
  double classGuidanceFrom;

  @Option(
      names = "--class-guidance-until",
      paramLabel = "F",
      defaultValue = "1",
      description =
          "End of classifier-free guidance as a share of the run (default: ${DEFAULT-VALUE}).")
  double classGuidanceUntil;

  @Option(
      names = "--class-guidance-rescale",
      paramLabel = "R",
      defaultValue = "0",
      description =
          "Rescale the guided prediction's contrast towards that of the plain one, 0 to 1 (default:"
              + " ${DEFAULT-VALUE}).")
  double classGuidanceRescale;

  /** Returns the given options; the model decides the rest. */
  SamplingOptions options() {
    SamplingOptions options =
        SamplingOptions.defaults()
            .withRun(RunOptions.defaults().withEta(eta))
            .withClassifierFree(
                new ClassifierFreeGuidance(
                    classGuidanceScale,
                    classGuidanceFrom,
                    classGuidanceUntil,
                    classGuidanceRescale));
    options = scheduler == null ? options : options.withScheduler(scheduler);
    for (Map.Entry<String, String> option : schedulerOptions.entrySet()) {
      options = options.withSchedulerOption(option.getKey(), option.getValue());
    }
    options = steps == null ? options : options.withSteps(steps);
    return batchSize == null ? options : options.withBatchSize(batchSize);
  }
}
