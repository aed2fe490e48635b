package dev.sfumato.cli;

import dev.sfumato.clip.ClipConfig;
import dev.sfumato.clip.ClipModel;
import dev.sfumato.clip.ClipNetwork;
import dev.sfumato.clip.ImagePreprocessing;
import dev.sfumato.nn.Activation;
import dev.sfumato.picture.Resize;
import dev.sfumato.tensor.Rng;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/** An untrained CLIP model for pictures of 8 x 8, which knows OpenAI's vocabulary. */
final class SmallClip {
  private SmallClip() {}

  /** Writes one to {@code folder} and returns that. */
  static Path saved(Path folder) throws IOException {
    ClipConfig.Transformer blocks = new ClipConfig.Transformer(8, 2, 2, 16, Activation.GELU, 1e-5);
    ClipConfig config =
        new ClipConfig(
            6,
            new ClipConfig.Vit(8, 4, blocks, ClipConfig.ImagePool.CLASS_TOKEN, true, false),
            new ClipConfig.Text(77, 49408, blocks, true, ClipConfig.TextPool.LARGEST));
    try (ClipNetwork network = new ClipNetwork(config);
        Rng random = new Rng(0)) {
      network.reset(random);
      List<Float> halves = List.of(0.5f, 0.5f, 0.5f);
      ClipModel.save(
          network,
          new ImagePreprocessing(8, 8, false, false, Resize.Filter.BICUBIC, halves, halves),
          folder);
    }
    return folder;
  }
}
