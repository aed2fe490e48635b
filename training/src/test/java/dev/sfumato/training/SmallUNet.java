package dev.sfumato.training;

import dev.sfumato.model.UNet2DConfig;
import java.util.List;
import java.util.Map;

/** A U-Net of two narrow levels for gray pictures of 8 x 8 pixels. */
public final class SmallUNet {
  private SmallUNet() {}

  /** Returns its configuration with {@code in} channels of input. */
  public static UNet2DConfig config(int in) {
    return UNet2DConfig.of(
        Map.of(
            "sample_size",
            8,
            "in_channels",
            in,
            "out_channels",
            1,
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
  }
}
