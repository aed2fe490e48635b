package dev.sfumato.examples;

import dev.sfumato.guidance.Guide;
import dev.sfumato.pipeline.DiffusionPipeline;
import dev.sfumato.sampling.SamplingOptions;
import java.io.File;
import java.io.IOException;
import javax.imageio.ImageIO;

/** Steers digits by its own loss: no ink in the lower half of the picture. */
public final class OwnGuide {
  private OwnGuide() {}

  /** Draws the digit of the first argument with the model of the second, unguided and guided. */
  public static void main(String[] args) throws IOException {
    Guide upperHalf = (predictedX0, at) -> predictedX0.narrow(2, 14, 14).add(1).mean();
    SamplingOptions plain =
        SamplingOptions.defaults().withLabels(Long.parseLong(args[0])).withSteps(25);
    try (DiffusionPipeline pipeline = DiffusionPipeline.load(args[1])) {
      ImageIO.write(pipeline.draw(plain).get(0), "png", new File("unguided.png"));
      SamplingOptions guided = plain.withGuide(upperHalf, 50);
      ImageIO.write(pipeline.draw(guided).get(0), "png", new File("guided.png"));
    }
  }
}
