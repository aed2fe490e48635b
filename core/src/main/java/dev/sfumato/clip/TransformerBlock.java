package dev.sfumato.clip;

import dev.sfumato.nn.Activation;
import dev.sfumato.nn.LayerNorm;
import dev.sfumato.nn.Linear;
import dev.sfumato.nn.Module;
import dev.sfumato.nn.Name;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.util.Optional;

/** {@code x + attention(norm(x))}, then {@code x + mlp(norm(x))}. */
final class TransformerBlock extends Module {
  @Name("ln_1")
  private final LayerNorm ln1;

  private final SelfAttention attn;

  @Name("ln_2")
  private final LayerNorm ln2;

  private final Mlp mlp;

  TransformerBlock(ClipConfig.Transformer config, boolean causal) {
    ln1 = new LayerNorm(config.width(), config.normEpsilon());
    attn = new SelfAttention(config.width(), config.heads(), causal);
    ln2 = new LayerNorm(config.width(), config.normEpsilon());
    mlp = new Mlp(config);
  }

  /** (B, N, width) to the same shape, with a mask as in {@link SelfAttention}. */
  Tensor forward(Tensor x, Optional<Tensor> seen) {
    return Scope.run(
        () -> {
          Tensor y = attn.forward(ln1.forward(x), seen).add_(x, 1);
          return mlp.forward(ln2.forward(y)).add_(y, 1);
        });
  }

  /** Two layers with an activation between them, applied to each position. */
  private static final class Mlp extends Module {
    private final Linear cFc;
    private final Linear cProj;
    private final Activation activation;

    Mlp(ClipConfig.Transformer config) {
      cFc = new Linear(config.width(), config.mlpWidth());
      cProj = new Linear(config.mlpWidth(), config.width());
      activation = config.activation();
    }

    Tensor forward(Tensor x) {
      return cProj.forward(activation.apply(cFc.forward(x)));
    }
  }
}
