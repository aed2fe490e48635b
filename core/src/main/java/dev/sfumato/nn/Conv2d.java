package dev.sfumato.nn;

import dev.sfumato.tensor.Functional;
import dev.sfumato.tensor.Rng;
import dev.sfumato.tensor.Tensor;
import java.util.function.UnaryOperator;

/** 2-D convolution with a square kernel. */
public final class Conv2d extends Module {
  private final Tensor weight;
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
    weight = parameter(out, in, kernel, kernel);
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
    return Functional.conv2d(x, effectiveWeight(), bias, stride, padding, 1);
  }

  /**
   * {@link #forward} of {@code before(x)}, which is cheap: for less memory in training it is
   * computed again when gradients are taken.
   */
  public Tensor forwardOf(UnaryOperator<Tensor> before, Tensor x) {
    return Functional.conv2dOf(before, x, effectiveWeight(), bias, stride, padding, 1);
  }

  /** The weight that this layer computes with: the one way to it. */
  private Tensor effectiveWeight() {
    return weight;
  }

  @Override
  protected void resetOwn(Rng rng) {
    Initial.fanIn(rng, weight, weight);
    Initial.fanIn(rng, bias, weight);
  }
}
