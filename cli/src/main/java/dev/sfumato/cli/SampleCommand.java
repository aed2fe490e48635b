package dev.sfumato.cli;

import dev.sfumato.SfumatoException;
import dev.sfumato.chart.GifWriter;
import dev.sfumato.chart.PictureGrid;
import dev.sfumato.chart.Png;
import dev.sfumato.model.Denoiser;
import dev.sfumato.pipeline.DiffusionPipeline;
import dev.sfumato.pipeline.Pictures;
import dev.sfumato.sampling.Sampler;
import dev.sfumato.sampling.SamplingOptions;
import dev.sfumato.scheduler.RunOptions;
import dev.sfumato.scheduler.Scheduler;
import dev.sfumato.scheduler.SchedulerConfig;
import dev.sfumato.scheduler.SchedulerKind;
import dev.sfumato.tensor.Device;
import dev.sfumato.tensor.Rng;
import dev.sfumato.tensor.Safetensors;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.awt.image.BufferedImage;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.LongStream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code sfumato sample}. */
@Command(
    name = "sample",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = "Makes pictures with a model.")
final class SampleCommand implements Callable<Integer> {
  private static final int GIF_FRAMES = 50;

  @Option(
      names = "--model",
      required = true,
      paramLabel = "DIR",
      description = "A model directory in diffusers' layout.")
  Path model;

  @Option(
      names = "--count",
      paramLabel = "N",
      description = "How many pictures (default: one per --class, else 1).")
  Integer count;

  @Option(
      names = "--batch-size",
      paramLabel = "N",
      defaultValue = "64",
      description =
          "Pictures that go through the network together; never changes the result (default:"
              + " ${DEFAULT-VALUE}).")
  int batchSize;

  @Option(
      names = "--scheduler",
      paramLabel = "ddpm|ddim",
      description = "Update rule, with the model's own settings (default: the model's).")
  SchedulerKind scheduler;

  @Option(
      names = "--steps",
      paramLabel = "N",
      description =
          "Steps of the scheduler (default: for ddpm all that the model was trained on, else 50).")
  Integer steps;

  @Option(
      names = "--eta",
      paramLabel = "E",
      defaultValue = "0",
      description = "Noise of ddim, 0 (none) to 1 (as ddpm) (default: ${DEFAULT-VALUE}).")
  double eta;

  @Option(
      names = "--class",
      split = ",",
      paramLabel = "LABEL",
      description = "Classes to draw, repeated to fill --count.")
  List<Long> labels = List.of();

  @Option(
      names = "--class-guidance-scale",
      paramLabel = "W",
      defaultValue = "1",
      description = "Weight of classifier-free guidance; 1: none (default: ${DEFAULT-VALUE}).")
  double classGuidanceScale;

  @Option(names = "--out", paramLabel = "FILE.png", description = "One picture with all in a grid.")
  Path out;

  @Option(names = "--rows", paramLabel = "N", description = "Rows of the grid (default: square).")
  Integer rows;

  @Option(names = "--out-dir", paramLabel = "DIR", description = "A picture file for each.")
  Path outDir;

  @Option(names = "--gif", paramLabel = "FILE.gif", description = "The grid step by step.")
  Path gif;

  @Option(
      names = "--save-tensor",
      paramLabel = "FILE.safetensors",
      description = "The tensor 'images' (N, C, H, W), float32, not clamped.")
  Path saveTensor;

  @Mixin ComputeOptions compute;
  @Spec CommandSpec spec;

  @Override
  public Integer call() {
    if (out == null && outDir == null && gif == null && saveTensor == null) {
      out = Path.of("samples.png");
    }
    WrongCall.checked(spec, () -> PictureGrid.ofRows(rows != null ? rows : 1));
    Device device = compute.apply();
    try (Scope scope = Scope.open();
        Rng random = new Rng(compute.seed);
        DiffusionPipeline pipeline = DiffusionPipeline.load(model)) {
      pipeline.denoiser().to(device);
      SchedulerConfig settings =
          scheduler == null
              ? pipeline.scheduler()
              : pipeline.scheduler().withClassName(scheduler.className());
      Sampler sampler = new Sampler(pipeline.denoiser(), Scheduler.of(settings));
      SamplingOptions options = options(pipeline.denoiser(), settings);
      List<BufferedImage> frames = new ArrayList<>();
      try (StepProgress progress = new StepProgress("sample", 0, options.steps())) {
        int every = Math.max(1, options.steps() / GIF_FRAMES);
        Tensor images =
            sampler.sample(
                options,
                random,
                (step, x) -> {
                  progress.stepTo(step.index() + 1);
                  if (gif != null
                      && (step.index() % every == 0 || step.index() + 1 == step.count())) {
                    frames.add(grid(x));
                  }
                });
        try (Interruption.Delay delay = Interruption.delay()) {
          save(images, frames);
        }
      }
    }
    return 0;
  }

  private SamplingOptions options(Denoiser denoiser, SchedulerConfig settings) {
    List<Integer> size = denoiser.unet().config().sampleSize();
    if (size.isEmpty()) {
      throw new SfumatoException(model + ": unet/config.json has no sample_size");
    }
    int timesteps = settings.numTrainTimesteps();
    boolean ddpm = settings.className().equals(SchedulerKind.DDPM.className());
    return WrongCall.checked(
        spec,
        () ->
            new SamplingOptions(
                count != null ? count : Math.max(1, labels.size()),
                size.get(0),
                size.get(size.size() - 1),
                steps != null ? steps : ddpm ? timesteps : Math.min(50, timesteps),
                batchSize,
                labels.stream().mapToLong(Long::longValue).toArray(),
                classGuidanceScale,
                RunOptions.defaults().withEta(eta)));
  }

  private void save(Tensor images, List<BufferedImage> frames) {
    if (out != null) {
      Png.write(out, grid(images));
      System.out.println(out);
    }
    if (outDir != null) {
      LongStream.range(0, images.size(0))
          .forEach(
              i ->
                  Png.write(
                      outDir.resolve(String.format("%05d.png", i)),
                      Pictures.plain(images.narrow(0, i, 1))));
      System.out.println(outDir);
    }
    if (gif != null) {
      new GifWriter(Duration.ofMillis(80), true).write(gif, frames);
      System.out.println(gif);
    }
    if (saveTensor != null) {
      Safetensors.write(saveTensor, Map.of("images", images), Map.of());
      System.out.println(saveTensor);
    }
  }

  private BufferedImage grid(Tensor images) {
    return Pictures.grid(images, rows != null ? rows : Pictures.squareRows((int) images.size(0)));
  }
}
