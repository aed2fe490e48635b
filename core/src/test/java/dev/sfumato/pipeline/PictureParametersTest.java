package dev.sfumato.pipeline;

import static com.google.common.truth.Truth.assertThat;

import dev.sfumato.sampling.SamplingOptions;
import dev.sfumato.sampling.TextOptions;
import dev.sfumato.scheduler.SchedulerConfig;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PictureParametersTest {
  @TempDir Path folder;

  @Test
  void aModelInTheCurrentFolderHasTheNameOfTheFolder() throws IOException {
    Path file = folder.resolve("picture.png");
    SamplingOptions rose =
        SamplingOptions.defaults()
            .withText(TextOptions.of("a red rose"))
            .withSize(8, 8)
            .withSteps(2);
    new PictureParameters(".", rose, SchedulerConfig.ddpmDefaults())
        .write(file, new BufferedImage(8, 8, BufferedImage.TYPE_INT_RGB));
    String name = Path.of("").toAbsolutePath().getFileName().toString();
    assertThat(Files.readString(file, StandardCharsets.ISO_8859_1)).contains("Model: " + name);
  }
}
