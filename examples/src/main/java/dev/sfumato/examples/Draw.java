package dev.sfumato.examples;

import dev.sfumato.pipeline.DiffusionPipeline;
import dev.sfumato.sampling.SamplingOptions;
import java.awt.image.BufferedImage;
import java.io.File;
import java.io.IOException;
import javax.imageio.ImageIO;

/** Draws four pictures: Draw MODEL, a model directory or a Hub id. */
public final class Draw {
  private Draw() {}

  /** Writes drawn-1.png to drawn-4.png. */
  public static void main(String[] args) throws IOException {
    try (DiffusionPipeline pipeline = DiffusionPipeline.load(args[0])) {
      int number = 1;
      for (BufferedImage image :
          pipeline.draw(SamplingOptions.defaults().withCount(4).withSteps(50))) {
        ImageIO.write(image, "png", new File("drawn-" + number++ + ".png"));
      }
    }
  }
}
