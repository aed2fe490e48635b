package dev.sfumato.checkpoint;

import dev.sfumato.model.AutoencoderKLConfig;
import dev.sfumato.model.UNet2DConditionConfig;
import dev.sfumato.tensor.Tensor;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * The names of weights in the original layout of Stable Diffusion (CompVis, Stability AI): blocks
 * are numbered in the order of computation, not by levels.
 */
final class OriginalNames {
  private static final Map<String, String> OF_RESNETS =
      Map.of(
          "norm1", "in_layers.0",
          "conv1", "in_layers.2",
          "time_emb_proj", "emb_layers.1",
          "norm2", "out_layers.0",
          "conv2", "out_layers.3",
          "conv_shortcut", "skip_connection");
  private static final Map<String, String> OF_PIXEL_ATTENTION =
      Map.of("group_norm", "norm", "to_q", "q", "to_k", "k", "to_v", "v", "to_out.0", "proj_out");

  private OriginalNames() {}

  /** Returns the names of a U-Net, without the start that all have in a whole model. */
  static Renaming unet(UNet2DConditionConfig config) {
    Renaming names =
        new Renaming()
            .with("time_embedding.linear_1", "time_embed.0")
            .with("time_embedding.linear_2", "time_embed.2")
            .with("time_embedding.cond_proj", "time_embed.cond_proj")
            .with("add_embedding.linear_1", "label_emb.0.0")
            .with("add_embedding.linear_2", "label_emb.0.2")
            .with("conv_in", "input_blocks.0.0")
            .with("conv_norm_out", "out.0")
            .with("conv_out", "out.2")
            .with("mid_block.attentions.0", "middle_block.1");
    resnet(names, "mid_block.resnets.0", "middle_block.0");
    resnet(names, "mid_block.resnets.1", "middle_block.2");
    down(names, config);
    up(names, config);
    return names;
  }

  private static void down(Renaming names, UNet2DConditionConfig config) {
    int block = 1;
    int levels = config.blockOutChannels().size();
    for (int i = 0; i < levels; i++) {
      String level = "down_blocks." + i;
      for (int j = 0; j < config.layersPerBlock().get(i); j++, block++) {
        resnet(names, level + ".resnets." + j, "input_blocks." + block + ".0");
        names.with(level + ".attentions." + j, "input_blocks." + block + ".1");
      }
      if (i < levels - 1) {
        names.with(level + ".downsamplers.0.conv", "input_blocks." + block++ + ".0.op");
      }
    }
  }

  private static void up(Renaming names, UNet2DConditionConfig config) {
    int block = 0;
    int levels = config.blockOutChannels().size();
    for (int i = 0; i < levels; i++) {
      String level = "up_blocks." + i;
      int layers = config.layersPerBlock().get(levels - 1 - i) + 1;
      for (int j = 0; j < layers; j++, block++) {
        resnet(names, level + ".resnets." + j, "output_blocks." + block + ".0");
        names.with(level + ".attentions." + j, "output_blocks." + block + ".1");
      }
      if (i < levels - 1) {
        int place = config.upBlockTypes().get(i).contains("CrossAttn") ? 2 : 1;
        String last = "output_blocks." + (block - 1) + "." + place;
        names.with(level + ".upsamplers.0.conv", last + ".conv");
      }
    }
  }

  private static void resnet(Renaming names, String diffusers, String original) {
    OF_RESNETS.forEach(
        (ours, theirs) -> names.with(diffusers + "." + ours, original + "." + theirs));
  }

  // ---- the autoencoder

  /** Returns the names of an autoencoder, without the start that all have in a whole model. */
  static Renaming autoencoder(AutoencoderKLConfig config) {
    Renaming names = new Renaming();
    int levels = config.blockOutChannels().size();
    for (String half : new String[] {"encoder", "decoder"}) {
      names.with(half + ".conv_norm_out", half + ".norm_out");
      block(names, half + ".mid_block.resnets.0", half + ".mid.block_1");
      block(names, half + ".mid_block.resnets.1", half + ".mid.block_2");
      OF_PIXEL_ATTENTION.forEach(
          (ours, theirs) ->
              names.with(half + ".mid_block.attentions.0." + ours, half + ".mid.attn_1." + theirs));
    }
    for (int i = 0; i < levels; i++) {
      String down = "encoder.down_blocks." + i;
      String up = "decoder.up_blocks." + i;
      String original = "decoder.up." + (levels - 1 - i);
      for (int j = 0; j <= config.layersPerBlock(); j++) {
        block(names, down + ".resnets." + j, "encoder.down." + i + ".block." + j);
        block(names, up + ".resnets." + j, original + ".block." + j);
      }
      names.with(down + ".downsamplers.0", "encoder.down." + i + ".downsample");
      names.with(up + ".upsamplers.0", original + ".upsample");
    }
    return names;
  }

  private static void block(Renaming names, String diffusers, String original) {
    names.with(diffusers, original).with(diffusers + ".conv_shortcut", original + ".nin_shortcut");
  }

  /** Returns the matrices of attention as those of diffusers: the original ones are kernels. */
  static Map<String, Tensor> matrices(Map<String, Tensor> autoencoder) {
    return reshaped(autoencoder, 4, 2);
  }

  /** The opposite of {@link #matrices}. */
  static Map<String, Tensor> kernels(Map<String, Tensor> autoencoder) {
    return reshaped(autoencoder, 2, 4);
  }

  private static Map<String, Tensor> reshaped(Map<String, Tensor> weights, int from, int to) {
    Map<String, Tensor> changed = new LinkedHashMap<>();
    weights.forEach(
        (name, weight) -> {
          boolean matrix = name.contains(".attentions.0.to_") && weight.dim() == from;
          long[] shape = {0, 0, 1, 1};
          if (matrix) {
            shape[0] = weight.size(0);
            shape[1] = weight.size(1);
          }
          changed.put(name, matrix ? weight.reshape(Arrays.copyOf(shape, to)) : weight);
        });
    return changed;
  }
}
