package dev.sfumato.cli;

import dev.sfumato.SfumatoException;
import dev.sfumato.guidance.ClassifierFreeGuidance;
import dev.sfumato.model.ClassConditionedUNet;
import dev.sfumato.sampling.SamplingOptions;
import dev.sfumato.scheduler.RunOptions;
import dev.sfumato.scheduler.SchedulerConfig;
import dev.sfumato.scheduler.SchedulerKind;
import java.util.List;
import picocli.CommandLine.Option;

/** How pictures are sampled. */
final class SamplingArguments {
  /** More together are hardly faster on a processor, and take their memory. */
  private static final int PIXELS_TOGETHER = 256 * 256;

  @Option(
      names = "--batch-size",
      paramLabel = "N",
      description =
          "Pictures that go through the network together; never changes the result (default: as many"
              + " as have 65,536 pixels, 64 of 32 x 32).")
  Integer batchSize;

  @Option(
      names = "--scheduler",
      paramLabel = "NAME",
      description =
          "Update rule, with the model's own settings: ${COMPLETION-CANDIDATES} (default: the"
              + " model's).")
  SchedulerKind scheduler;

  @Option(
      names = "--steps",
      paramLabel = "N",
      description =
          "Steps of the scheduler (default: for ddpm all that the model was trained on, for lcm 4,"
              + " else 50).")
  Integer steps;

  @Option(
      names = "--eta",
      paramLabel = "E",
      defaultValue = "0",
      description = "Noise of ddim, 0 (none) to 1 (as ddpm) (default: ${DEFAULT-VALUE}).")
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
          "Part of the run, 0 to 1, from which on classifier-free guidance acts (default:"
              + " ${DEFAULT-VALUE}).")
  double classGuidanceFrom;

  @Option(
      names = "--class-guidance-until",
      paramLabel = "F",
      defaultValue = "1",
      description = "Part of the run before which it acts (default: ${DEFAULT-VALUE}).")
  double classGuidanceUntil;

  @Option(
      names = "--class-guidance-rescale",
      paramLabel = "R",
      defaultValue = "0",
      description =
          "How far its contrast is brought back to that of the plain prediction, 0 to 1 (default:"
              + " ${DEFAULT-VALUE}).")
  double classGuidanceRescale;

  /** The model's scheduler, or the asked one with the model's settings. */
  SchedulerConfig settings(SchedulerConfig own) {
    return scheduler == null ? own : own.withClassName(scheduler.className());
  }

  SamplingOptions options(
      ClassConditionedUNet denoiser, SchedulerConfig settings, int count, long[] labels) {
    List<Integer> size = denoiser.config().sampleSize();
    if (size.isEmpty()) {
      throw new SfumatoException("the model's unet/config.json has no sample_size");
    }
    int height = size.get(0);
    int width = size.get(size.size() - 1);
    int timesteps = settings.numTrainTimesteps();
    boolean ddpm = settings.className().equals(SchedulerKind.DDPM.className());
    boolean lcm = settings.className().equals(SchedulerKind.LCM.className());
    return new SamplingOptions(
        count,
        height,
        width,
        steps != null ? steps : ddpm ? timesteps : Math.min(lcm ? 4 : 50, timesteps),
        batchSize != null ? batchSize : Math.max(1, PIXELS_TOGETHER / (height * width)),
        labels,
        new ClassifierFreeGuidance(
            classGuidanceScale, classGuidanceFrom, classGuidanceUntil, classGuidanceRescale),
        RunOptions.defaults().withEta(eta));
  }
}
