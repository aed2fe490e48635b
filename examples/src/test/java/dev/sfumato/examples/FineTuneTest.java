package dev.sfumato.examples;

import static com.google.common.truth.Truth.assertThat;

import dev.sfumato.model.ClassConditionedUNet;
import dev.sfumato.model.ClassConditioning;
import dev.sfumato.model.UNet2DConfig;
import dev.sfumato.pipeline.DiffusionPipeline;
import dev.sfumato.pipeline.PixelPipeline;
import dev.sfumato.scheduler.SchedulerConfig;
import dev.sfumato.tensor.Rng;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FineTuneTest {
  @TempDir Path folder;

  @Test
  void leavesAModelWithItsCardAndItsReport() throws IOException {
    Path model = saveModel();
    Path pictures = Files.createDirectory(folder.resolve("pictures"));
    for (int i = 0; i < 5; i++) {
      BufferedImage picture = new BufferedImage(8, 8, BufferedImage.TYPE_INT_RGB);
      picture.setRGB(i, i, 0xffaa00);
      ImageIO.write(picture, "png", pictures.resolve(i + ".png").toFile());
    }
    Path output = folder.resolve("tuned");
    FineTune.main(new String[] {model.toString(), pictures.toString(), output.toString(), "3"});
    assertThat(Files.readAllLines(output.resolve("metrics.csv"))).hasSize(4);
    assertThat(Files.readString(output.resolve("README.md"))).contains("fine-tuned from `" + model);
    assertThat(Files.readString(output.resolve("report.html"))).contains("3 of 3 optimiser steps");
    assertThat(Files.readString(output.resolve("config.json"))).contains("\"batch_size\" : 4");
    try (DiffusionPipeline tuned = DiffusionPipeline.load(output)) {
      assertThat(tuned.denoiser().channels()).isEqualTo(3);
    }
  }

  private Path saveModel() {
    UNet2DConfig unet =
        UNet2DConfig.of(
            Map.of(
                "sample_size",
                8,
                "block_out_channels",
                List.of(4, 8),
                "layers_per_block",
                1,
                "norm_num_groups",
                2,
                "down_block_types",
                List.of("DownBlock2D", "DownBlock2D"),
                "up_block_types",
                List.of("UpBlock2D", "UpBlock2D"),
                "add_attention",
                false));
    Path model = folder.resolve("model");
    try (ClassConditionedUNet denoiser = new ClassConditionedUNet(unet, ClassConditioning.NONE);
        Rng random = new Rng(0)) {
      denoiser.reset(random);
      new PixelPipeline(denoiser, SchedulerConfig.ddpmDefaults().withTrainTimesteps(50))
          .save(model);
    }
    return model;
  }
}
