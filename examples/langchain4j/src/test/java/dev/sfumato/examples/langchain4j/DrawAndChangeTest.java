package dev.sfumato.examples.langchain4j;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import dev.sfumato.picture.PictureReader;
import dev.sfumato.picture.Pixels;
import dev.sfumato.picture.Png;
import dev.sfumato.pipeline.DiffusionPipeline;
import dev.sfumato.sampling.SamplingOptions;
import dev.sfumato.sampling.TextOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The example runs as a program of its own. */
class DrawAndChangeTest {
  private static final String GREEN = "a face with green hair";
  private static final String PINK = "a face with pink hair";

  @TempDir Path folder;

  @Test
  void drawsAndChanges() throws IOException, InterruptedException {
    Path model = Path.of("../../models/faces-sd").toAbsolutePath();
    Path output = folder.resolve("output");
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-classpath",
                System.getProperty("java.class.path"),
                DrawAndChange.class.getName(),
                model.toString(),
                GREEN,
                PINK)
            .directory(folder.toFile())
            .redirectErrorStream(true)
            .redirectOutput(output.toFile())
            .start();
    int status = process.waitFor();
    assertEquals(0, status, Files.readString(output));
    SamplingOptions options =
        SamplingOptions.defaults()
            .withText(TextOptions.of(GREEN).withGuidanceScale(3))
            .withSteps(25)
            .withSeed(7);
    byte[] drawn = Files.readAllBytes(folder.resolve("drawn.png"));
    try (DiffusionPipeline pipeline = DiffusionPipeline.load(model)) {
      assertArrayEquals(Png.encode(pipeline.draw(options).get(0)), drawn);
    }
    Pixels changed = PictureReader.read(folder.resolve("changed.png"));
    assertEquals(64, changed.width());
    assertFalse(Arrays.equals(PictureReader.read(drawn, "drawn").values(), changed.values()));
  }
}
