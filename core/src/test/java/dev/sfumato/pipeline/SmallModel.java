package dev.sfumato.pipeline;

import dev.sfumato.model.ClassConditionedUNet;
import dev.sfumato.model.ClassConditioning;
import dev.sfumato.model.UNet2DConfig;
import dev.sfumato.scheduler.SchedulerConfig;
import dev.sfumato.tensor.Rng;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** An untrained model of pixels with one block. */
public final class SmallModel {
  private SmallModel() {}

  /** Makes its network. */
  public static ClassConditionedUNet network(
      int channels, List<Integer> size, ClassConditioning conditioning) {
    UNet2DConfig config =
        UNet2DConfig.of(
            Map.of(
                "sample_size",
                size,
                "in_channels",
                channels + conditioning.extraChannels(),
                "out_channels",
                channels,
                "layers_per_block",
                1,
                "block_out_channels",
                List.of(8),
                "norm_num_groups",
                4,
                "down_block_types",
                List.of("DownBlock2D"),
                "up_block_types",
                List.of("UpBlock2D")));
    ClassConditionedUNet network = new ClassConditionedUNet(config, conditioning);
    try (Rng random = new Rng(0)) {
      network.reset(random);
    }
    return network;
  }

  /** Writes one to {@code folder} and returns that. */
  public static Path saved(
      Path folder, int channels, List<Integer> size, ClassConditioning conditioning) {
    try (ClassConditionedUNet network = network(channels, size, conditioning)) {
      new PixelPipeline(network, SchedulerConfig.ddpmDefaults()).save(folder);
    }
    return folder;
  }
}
