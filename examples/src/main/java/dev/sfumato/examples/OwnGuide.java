package dev.sfumato.examples;

import dev.sfumato.guidance.GradientMode;
import dev.sfumato.guidance.Guidance;
import dev.sfumato.guidance.Guide;
import dev.sfumato.guidance.ScheduledGuide;
import dev.sfumato.picture.Pictures;
import dev.sfumato.picture.Png;
import dev.sfumato.pipeline.DiffusionPipeline;
import dev.sfumato.sampling.Sampler;
import dev.sfumato.sampling.SamplingOptions;
import dev.sfumato.scheduler.RunOptions;
import dev.sfumato.scheduler.Scheduler;
import dev.sfumato.tensor.Rng;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.nio.file.Path;
import java.util.List;

/** Steers digits by a loss that is written here: no ink in the lower half of the picture. */
public final class OwnGuide {
  private OwnGuide() {}

  /** Draws the digit that the first argument names, without the guide and with it. */
  public static void main(String[] args) {
    long digit = args.length > 0 ? Long.parseLong(args[0]) : 7;

    // A guide is a loss of the clean pictures (B, 1, 28, 28) in [-1, 1]; black is -1.
    Guide upperHalf = (predictedX0, at) -> predictedX0.narrow(2, 14, 14).add(1).mean();

    draw(digit, Guidance.NONE, Path.of("unguided.png"));
    draw(
        digit,
        Guidance.of(List.of(ScheduledGuide.of("upper-half", upperHalf, 50)), GradientMode.EXACT),
        Path.of("guided.png"));
  }

  private static void draw(long digit, Guidance guidance, Path file) {
    try (Scope scope = Scope.open(); // frees every tensor that is made inside
        Rng random = new Rng(0); // the same noise each time
        DiffusionPipeline pipeline = DiffusionPipeline.load(Path.of("models/mnist"))) {
      Scheduler scheduler = Scheduler.of(pipeline.scheduler().withClassName("ddim"));
      long[] labels = {digit};
      Tensor images =
          new Sampler(pipeline.denoiser(), scheduler, guidance)
              .sample(
                  new SamplingOptions(8, 28, 28, 25, 8, labels, 1, RunOptions.defaults()),
                  random,
                  (step, x) -> {});
      Png.write(file, Pictures.grid(images, 1));
      System.out.println(file);
    }
  }
}
