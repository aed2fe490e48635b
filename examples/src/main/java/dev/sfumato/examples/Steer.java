package dev.sfumato.examples;

import dev.sfumato.guidance.Guide;
import dev.sfumato.picture.Png;
import dev.sfumato.pipeline.DiffusionPipeline;
import dev.sfumato.sampling.SamplingOptions;
import java.nio.file.Path;

/** Steers a model that knows no such wish, by a colour and by a loss of one's own: Steer MODEL. */
public final class Steer {
  private Steer() {}

  /** Writes plain.png, colour.png and own.png, all from the same noise. */
  public static void main(String[] args) {
    // A loss of the predicted pictures (B, C, H, W): dark on the left, light on the right.
    Guide lightOnTheRight = (x0, at) -> x0.narrow(3, 0, x0.size(3) / 2).mean().sub(x0.mean());
    SamplingOptions plain = SamplingOptions.defaults().withSeed(7).withSteps(50);
    try (DiffusionPipeline pipeline = DiffusionPipeline.load(args[0])) {
      Png.write(Path.of("plain.png"), pipeline.draw(plain).get(0));
      Png.write(Path.of("colour.png"), pipeline.draw(plain.withGuide("color=#1ae680", 40)).get(0));
      Png.write(Path.of("own.png"), pipeline.draw(plain.withGuide(lightOnTheRight, 40)).get(0));
    }
  }
}
