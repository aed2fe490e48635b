package dev.sfumato.examples;

import static com.google.common.truth.Truth.assertThat;

import dev.sfumato.pipeline.DiffusionPipeline;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FineTuneTest {
  @TempDir Path folder;

  @Test
  void leavesAModelWithItsCardAndItsReport() throws IOException {
    Path model = SmallModel.saved(folder.resolve("model"), 8);
    Path pictures = Files.createDirectory(folder.resolve("pictures"));
    for (int i = 0; i < 5; i++) {
      BufferedImage picture = new BufferedImage(8, 8, BufferedImage.TYPE_INT_RGB);
      picture.setRGB(i, i, 0xffaa00);
      ImageIO.write(picture, "png", pictures.resolve(i + ".png").toFile());
    }
    Path output = folder.resolve("tuned");
    FineTune.main(new String[] {model.toString(), pictures.toString(), output.toString(), "3"});
    assertThat(Files.readAllLines(output.resolve("metrics.csv"))).hasSize(4);
    assertThat(Files.readString(output.resolve("README.md")))
        .contains("fine-tuned from `" + model.getFileName() + "`");
    assertThat(Files.readString(output.resolve("report.html"))).contains("3 of 3 optimiser steps");
    assertThat(Files.readString(output.resolve("config.json"))).contains("\"batch_size\" : 4");
    try (DiffusionPipeline tuned = DiffusionPipeline.load(output)) {
      assertThat(tuned.denoiser().channels()).isEqualTo(3);
    }
  }
}
