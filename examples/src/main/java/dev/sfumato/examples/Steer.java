package dev.sfumato.examples;

import dev.sfumato.guidance.Guide;
import dev.sfumato.pipeline.DiffusionPipeline;
import dev.sfumato.sampling.SamplingOptions;
import java.io.File;
import java.io.IOException;
import javax.imageio.ImageIO;

/** Steers a model that knows no such wish, by a colour and by a loss of one's own: Steer MODEL. */
public final class Steer {
  private Steer() {}

  /** Writes plain.png, colour.png and own.png, all from the same noise. */
  public static void main(String[] args) throws IOException {
    // A loss of the predicted pictures (B, C, H, W) in [-1, 1]: dark on the left, light on the
    // right.
    Guide lightOnTheRight = (x0, at) -> x0.narrow(3, 0, x0.size(3) / 2).mean().sub(x0.mean());
    SamplingOptions plain = SamplingOptions.defaults().withSeed(7).withSteps(50);
    try (DiffusionPipeline pipeline = DiffusionPipeline.load(args[0])) {
      draw(pipeline, plain, "plain.png");
      draw(pipeline, plain.withGuide("color=#1ae680", 40), "colour.png");
      draw(pipeline, plain.withGuide(lightOnTheRight, 40), "own.png");
    }
  }

  private static void draw(DiffusionPipeline pipeline, SamplingOptions options, String file)
      throws IOException {
    ImageIO.write(pipeline.draw(options).get(0), "png", new File(file));
  }
}
