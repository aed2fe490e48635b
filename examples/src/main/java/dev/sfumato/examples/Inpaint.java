package dev.sfumato.examples;

import dev.sfumato.pipeline.DiffusionPipeline;
import dev.sfumato.sampling.SamplingOptions;
import java.io.File;
import java.io.IOException;
import java.nio.file.Path;
import javax.imageio.ImageIO;

/** Completes a picture where its mask is white: Inpaint MODEL PICTURE MASK. */
public final class Inpaint {
  private Inpaint() {}

  /** Writes completed.png. */
  public static void main(String[] args) throws IOException {
    SamplingOptions options =
        SamplingOptions.defaults().withSteps(50).withInpainting(Path.of(args[1]), Path.of(args[2]));
    try (DiffusionPipeline pipeline = DiffusionPipeline.load(args[0])) {
      ImageIO.write(pipeline.draw(options).get(0), "png", new File("completed.png"));
    }
  }
}
