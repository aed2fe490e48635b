package dev.sfumato.nn;

import dev.sfumato.tensor.Functional;
import dev.sfumato.tensor.Rng;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.util.Arrays;
import java.util.List;
import java.util.function.Function;

/** {@code y = x weight^T + bias}. */
public final class Linear extends Module {
  private final AdaptedWeight weight;
  private final Tensor bias;

  /** A layer from {@code in} to {@code out} features. */
  public Linear(long in, long out, boolean withBias) {
    weight = new AdaptedWeight(out, in);
    bias = withBias ? parameter(out) : null;
  }

  /** A layer with a bias. */
  public Linear(long in, long out) {
    this(in, out, true);
  }

  /** (..., in) to (..., out). */
  public Tensor forward(Tensor x) {
    return Scope.run(() -> weight.linear(x, bias, this));
  }

  /**
   * Applies layers with biases to the channels of each position: (B, in, N) to (B, out, N), with
   * the outputs of all layers one after another.
   *
   * <p>On the CPU this is one convolution with a 1 x 1 kernel, which the engine computes twice as
   * fast as the products of transposed matrices. On a card each layer is a product as in PyTorch,
   * since there the two round differently: by default convolutions use TF32 and products do not. A
   * bfloat16 copy of its weight is then made once.
   */
  public static Tensor pointwise(Tensor x, Linear... layers) {
    return Scope.run(
        () -> {
          if (!x.device().isCpu()) {
            Tensor pixels = x.transpose(1, 2).contiguous();
            Function<Linear, Tensor> product =
                layer -> Functional.linear(pixels, layer.weight.stored(), layer.bias);
            return join(layers, product, 2).transpose(1, 2);
          }
          Tensor weight = join(layers, layer -> layer.weight.effective(), 0);
          Tensor bias = join(layers, layer -> layer.bias, 0);
          Tensor kernel = weight.unsqueeze(2).unsqueeze(3);
          Tensor y = Functional.conv2d(x.unsqueeze(3), kernel, bias, 1, 0, 1);
          return y.reshape(y.size(0), y.size(1), y.size(2));
        });
  }

  private static Tensor join(Linear[] layers, Function<Linear, Tensor> part, long dim) {
    List<Tensor> parts = Arrays.stream(layers).map(part).toList();
    return parts.size() == 1 ? parts.get(0) : Tensor.cat(parts, dim);
  }

  @Override
  protected void resetOwn(Rng rng) {
    Initial.fanIn(rng, weight.parameter(), weight.parameter());
    Initial.fanIn(rng, bias, weight.parameter());
  }
}
