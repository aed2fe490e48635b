package dev.sfumato.nn;

import dev.sfumato.tensor.Functional;
import dev.sfumato.tensor.Rng;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.util.function.UnaryOperator;

/** 2-D convolution with a square kernel. */
public final class Conv2d extends Module {
  private final AdaptedWeight weight;
  private final Tensor bias;
  private final long stride;
  private final long padding;

  /**
   * @param in input channels
   * @param out output channels
   * @param kernel side of the kernel in pixels
   * @param stride pixels from one window to the next
   * @param padding zeros added on each side
   */
  public Conv2d(long in, long out, long kernel, long stride, long padding, boolean withBias) {
    weight = new AdaptedWeight(out, in, kernel, kernel);
    bias = withBias ? parameter(out) : null;
    this.stride = stride;
    this.padding = padding;
  }

  /** A layer with a bias. */
  public Conv2d(long in, long out, long kernel, long stride, long padding) {
    this(in, out, kernel, stride, padding, true);
  }

  /** (B, in, H, W) to (B, out, (H + 2 padding - kernel) / stride + 1, likewise). */
  public Tensor forward(Tensor x) {
    return Scope.run(() -> weight.conv2d(x, bias, stride, padding, this));
  }

  /**
   * Returns {@link #forward} of x whose pixels are repeated to 2 x 2, for a kernel of 3 x 3 pixels:
   * (B, in, H, W) to (B, out, 2 H, 2 W).
   */
  public Tensor forwardOfDoubled(Tensor x) {
    if (weight.isTrained()) {
      return Scope.run(() -> forward(Functional.upsampleNearest(x, 2 * x.size(2), 2 * x.size(3))));
    }
    return Scope.run(() -> Functional.conv2dOfDoubled(x, weight.stored(), bias));
  }

  /**
   * Returns {@link #forward} of {@code before(x)}; to save memory in training, the cheap {@code
   * before(x)} is computed again for the gradients.
   */
  public Tensor forwardOf(UnaryOperator<Tensor> before, Tensor x) {
    if (weight.isTrained()) {
      return Scope.run(() -> forward(before.apply(x)));
    }
    return Scope.run(
        () -> Functional.conv2dOf(before, x, weight::stored, bias, stride, padding, 1));
  }

  @Override
  protected void resetOwn(Rng rng) {
    Initial.fanIn(rng, weight.parameter(), weight.parameter());
    Initial.fanIn(rng, bias, weight.parameter());
  }
}
