package dev.sfumato.examples.langchain4j;

import dev.langchain4j.data.image.Image;
import dev.langchain4j.model.image.ImageModel;
import dev.sfumato.langchain4j.SfumatoImageModel;
import dev.sfumato.pipeline.DiffusionPipeline;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;

/** Draws a picture and changes it: DrawAndChange MODEL PROMPT OTHER-PROMPT. */
public final class DrawAndChange {
  public static void main(String[] args) throws IOException {
    try (SfumatoImageModel model =
        SfumatoImageModel.builder(DiffusionPipeline.load(args[0]))
            .steps(25)
            .guidanceScale(3)
            .strength(0.9)
            .seed(7)
            .build()) {
      run(model, args[1], args[2]);
    }
  }

  /** Works with any image model of LangChain4j. */
  static void run(ImageModel model, String prompt, String other) throws IOException {
    Image drawn = model.generate(prompt).content();
    write("drawn.png", drawn);
    write("changed.png", model.edit(drawn, other).content());
  }

  private static void write(String file, Image image) throws IOException {
    Files.write(Path.of(file), Base64.getDecoder().decode(image.base64Data()));
    System.out.println(file);
  }
}
