package dev.sfumato.clip;

import dev.sfumato.nn.Conv2d;
import dev.sfumato.nn.LayerNorm;
import dev.sfumato.tensor.Functional;
import dev.sfumato.tensor.Rng;
import dev.sfumato.tensor.Tensor;
import java.util.List;

/**
 * The vision transformer of Dosovitskiy et al., "An Image is Worth 16x16 Words" (2021), <a
 * href="https://arxiv.org/abs/2010.11929">arXiv:2010.11929</a>: patches of the picture and one
 * class token go through a transformer.
 */
final class VisionTransformer extends ImageEncoder {
  private final Tensor classEmbedding;
  private final Tensor positionalEmbedding;
  private final Tensor proj;
  private final Conv2d conv1;
  private final LayerNorm lnPre;
  private final Transformer transformer;
  private final LayerNorm lnPost;
  private final ClipConfig.Vit config;

  VisionTransformer(ClipConfig.Vit config, int embedDim) {
    ClipConfig.Transformer blocks = config.transformer();
    int side = config.imageSize() / config.patchSize();
    this.config = config;
    classEmbedding = parameter(blocks.width());
    positionalEmbedding = parameter((long) side * side + 1, blocks.width());
    proj = parameter(blocks.width(), embedDim);
    conv1 = new Conv2d(3, blocks.width(), config.patchSize(), config.patchSize(), 0, false);
    lnPre = config.normBefore() ? new LayerNorm(blocks.width(), blocks.normEpsilon()) : null;
    transformer = new Transformer(blocks, false);
    lnPost = new LayerNorm(blocks.width(), blocks.normEpsilon());
  }

  @Override
  Tensor forward(Tensor images, Layers layers) {
    Tensor tokens = transformer.forward(tokens(images), layers);
    return Functional.matmul(pooled(tokens), proj);
  }

  /** (B, 3, S, S) to (B, 1 + patches, width). */
  private Tensor tokens(Tensor images) {
    long batch = images.size(0);
    long width = classEmbedding.size(0);
    Tensor patches = conv1.forward(images).reshape(batch, width, -1).transpose(1, 2);
    Tensor first = classEmbedding.expand(batch, 1, width);
    Tensor tokens = Tensor.cat(List.of(first, patches), 1).add(positionalEmbedding);
    return lnPre == null ? tokens : lnPre.forward(tokens);
  }

  /** (B, 1 + patches, width) to (B, width). */
  private Tensor pooled(Tensor tokens) {
    if (config.pool() == ClipConfig.ImagePool.CLASS_TOKEN) {
      return lnPost.forward(tokens.select(1, 0));
    }
    Tensor patches = tokens.narrow(1, 1, tokens.size(1) - 1);
    return config.normAfterPool()
        ? lnPost.forward(patches.mean(false, 1))
        : lnPost.forward(patches).mean(false, 1);
  }

  @Override
  protected void resetOwn(Rng rng) {
    double deviation = Math.pow(classEmbedding.size(0), -0.5);
    StartValues.normal(rng, classEmbedding, deviation);
    StartValues.normal(rng, positionalEmbedding, deviation);
    StartValues.normal(rng, proj, deviation);
  }
}
