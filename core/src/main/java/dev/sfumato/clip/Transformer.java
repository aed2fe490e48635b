package dev.sfumato.clip;

import dev.sfumato.nn.Module;
import dev.sfumato.tensor.Tensor;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/** A stack of blocks. */
final class Transformer extends Module {
  private final List<TransformerBlock> resblocks;

  Transformer(ClipConfig.Transformer config, boolean causal) {
    resblocks =
        Stream.generate(() -> new TransformerBlock(config, causal)).limit(config.layers()).toList();
  }

  /** (B, N, width) to the same shape. */
  Tensor forward(Tensor x) {
    return forward(x, Layers.NONE);
  }

  /** Computes the same and passes the output of each block to {@code layers}. */
  Tensor forward(Tensor x, Layers layers) {
    return forward(x, layers, Optional.empty());
  }

  /** Computes the same with a mask as in {@link SelfAttention}. */
  Tensor forward(Tensor x, Layers layers, Optional<Tensor> seen) {
    Tensor y = x;
    for (TransformerBlock block : resblocks) {
      y = layers.seen(block.forward(y, seen));
    }
    return y;
  }
}
