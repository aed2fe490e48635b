package dev.sfumato.clip;

import dev.sfumato.nn.Linear;
import dev.sfumato.nn.Module;
import dev.sfumato.tensor.Functional;
import dev.sfumato.tensor.Rng;
import dev.sfumato.tensor.Tensor;
import java.util.List;

/** Attention from the mean of all pixels to the mean and the pixels. */
final class AttentionPool extends Module {
  private final Tensor positionalEmbedding;
  private final Linear kProj;
  private final Linear qProj;
  private final Linear vProj;
  private final Linear cProj;
  private final int heads;

  /**
   * @param side height and width of the features
   * @param width the channels of the features
   * @param heads the number of parts of a vector
   * @param out length of the result
   */
  AttentionPool(int side, int width, int heads, int out) {
    positionalEmbedding = parameter((long) side * side + 1, width);
    kProj = new Linear(width, width);
    qProj = new Linear(width, width);
    vProj = new Linear(width, width);
    cProj = new Linear(width, out);
    this.heads = heads;
  }

  /** Maps features (B, width, side, side) to (B, out). */
  Tensor forward(Tensor x) {
    Tensor pixels = x.reshape(x.size(0), x.size(1), -1).transpose(1, 2);
    Tensor mean = pixels.mean(true, 1);
    Tensor tokens = Tensor.cat(List.of(mean, pixels), 1).add(positionalEmbedding);
    Tensor query = heads(qProj.forward(tokens.narrow(1, 0, 1)));
    Tensor gathered =
        Functional.attention(query, heads(kProj.forward(tokens)), heads(vProj.forward(tokens)));
    return cProj.forward(gathered.reshape(x.size(0), -1));
  }

  /** (B, N, width) to (B, heads, N, d). */
  private Tensor heads(Tensor x) {
    return x.reshape(x.size(0), x.size(1), heads, -1).transpose(1, 2);
  }

  @Override
  protected void resetOwn(Rng rng) {
    StartValues.normal(rng, positionalEmbedding, Math.pow(positionalEmbedding.size(1), -0.5));
  }
}
