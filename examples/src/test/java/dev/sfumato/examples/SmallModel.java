package dev.sfumato.examples;

import dev.sfumato.model.ClassConditionedUNet;
import dev.sfumato.model.ClassConditioning;
import dev.sfumato.model.UNet2DConfig;
import dev.sfumato.pipeline.PixelPipeline;
import dev.sfumato.scheduler.SchedulerConfig;
import dev.sfumato.tensor.Rng;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** An untrained model that draws at once. */
final class SmallModel {
  private SmallModel() {}

  /** Saves a model of {@code side} x {@code side} RGB pictures into {@code folder}. */
  static Path saved(Path folder, int side) {
    UNet2DConfig unet =
        UNet2DConfig.of(
            Map.of(
                "sample_size",
                side,
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
    try (ClassConditionedUNet denoiser = new ClassConditionedUNet(unet, ClassConditioning.NONE);
        Rng random = new Rng(0)) {
      denoiser.reset(random);
      new PixelPipeline(denoiser, SchedulerConfig.ddpmDefaults().withTrainTimesteps(50))
          .save(folder);
    }
    return folder;
  }
}
