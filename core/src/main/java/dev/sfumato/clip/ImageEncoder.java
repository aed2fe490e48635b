package dev.sfumato.clip;

import dev.sfumato.nn.Module;
import dev.sfumato.tensor.Tensor;

/** The half of a CLIP network that reads pictures. */
abstract sealed class ImageEncoder extends Module permits VisionTransformer, ModifiedResNet {
  /** Makes the encoder that {@code config} describes. */
  static ImageEncoder of(ClipConfig config) {
    return config.image() instanceof ClipConfig.ResNet resNet
        ? new ModifiedResNet(resNet, config.embedDim())
        : new VisionTransformer((ClipConfig.Vit) config.image(), config.embedDim());
  }

  /**
   * Maps normalised pictures (B, 3, S, S) to features (B, embed_dim).
   *
   * @param layers receives the output of each layer
   */
  abstract Tensor forward(Tensor images, Layers layers);
}
