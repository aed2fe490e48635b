package dev.sfumato.model;

import dev.sfumato.nn.Activation;
import dev.sfumato.nn.Conv2d;
import dev.sfumato.nn.GroupNorm;
import dev.sfumato.nn.Linear;
import dev.sfumato.nn.Module;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.util.function.UnaryOperator;

/**
 * The residual block of Ho et al. (2020) at time t:
 *
 * <pre>{@code
 * h = conv1(act(norm1(x))) + proj(act(t))
 * y = (x + conv2(dropout(act(norm2(h))))) / scale
 * }</pre>
 *
 * With {@code scale_shift} (Nichol and Dhariwal, 2021) the time's projection is (s, b) and enters
 * as {@code norm2(h) (1 + s) + b}. If the number of channels changes, x passes through a 1 x 1
 * convolution.
 */
final class ResnetBlock extends Module implements Resampler {
  private final GroupNorm norm1;
  private final Conv2d conv1;
  private final Linear timeEmbProj;
  private final GroupNorm norm2;
  private final Conv2d conv2;
  private final Conv2d convShortcut;
  private final Activation activation;
  private final double dropout;
  private final boolean scaleShift;
  private final boolean skipTimeAct;
  private final double scale;
  private final UnaryOperator<Tensor> resample;

  /**
   * The settings that all blocks of a network share.
   *
   * @param epsilon the number that normalisations add to variances
   * @param activation act
   * @param dropout its probability in training
   * @param timeChannels size of the time embedding; 0 for a block without time
   * @param scaleShift whether the time scales and shifts
   * @param skipTimeAct whether the time is projected without act
   */
  record Settings(
      double epsilon,
      Activation activation,
      double dropout,
      int timeChannels,
      boolean scaleShift,
      boolean skipTimeAct) {}

  /**
   * The settings that differ from block to block.
   *
   * @param groups groups of {@code norm1}
   * @param groupsOut groups of {@code norm2}
   * @param scale divides the output
   * @param shortcut whether x passes through a 1 x 1 convolution
   * @param resample halves or doubles x and h before the first convolution, or leaves them
   *     unchanged
   */
  record Shape(
      int in,
      int out,
      int groups,
      int groupsOut,
      double scale,
      boolean shortcut,
      UnaryOperator<Tensor> resample) {
    static Shape of(int in, int out, int groups, int groupsOut) {
      return new Shape(in, out, groups, groupsOut, 1, in != out, UnaryOperator.identity());
    }

    Shape scaled(double by) {
      return new Shape(in, out, groups, groupsOut, by, shortcut, resample);
    }

    Shape resampled(UnaryOperator<Tensor> by) {
      return new Shape(in, out, groups, groupsOut, scale, shortcut, by);
    }

    /**
     * Returns the same shape with a 1 x 1 convolution beside the block, even if the channels stay.
     */
    Shape withShortcut() {
      return new Shape(in, out, groups, groupsOut, scale, true, resample);
    }
  }

  ResnetBlock(Settings settings, Shape shape) {
    int out = shape.out();
    int time = settings.timeChannels();
    scaleShift = settings.scaleShift();
    skipTimeAct = settings.skipTimeAct();
    norm1 = new GroupNorm(shape.groups(), shape.in(), settings.epsilon());
    conv1 = new Conv2d(shape.in(), out, 3, 1, 1);
    timeEmbProj = time == 0 ? null : new Linear(time, scaleShift ? 2L * out : out);
    norm2 = new GroupNorm(shape.groupsOut(), out, settings.epsilon());
    conv2 = new Conv2d(out, out, 3, 1, 1);
    convShortcut = shape.shortcut() ? new Conv2d(shape.in(), out, 1, 1, 0) : null;
    activation = settings.activation();
    dropout = settings.dropout();
    scale = shape.scale();
    resample = shape.resample();
  }

  /** Maps features (B, in, H, W) to (B, out, H, W), or half or double that size. */
  @Override
  public Tensor forward(Tensor x, Told told) {
    try (Scope scope = Scope.open()) {
      Tensor h = conv1.forwardOf(in -> resample.apply(activated(norm1, in)), x);
      if (timeEmbProj == null) {
        h = scope.replace(h, conv2.forwardOf(in -> activated(norm2, in), h));
      } else if (scaleShift || dropout > 0) {
        h = scope.replace(h, withTime(h, projected(told)));
        h = scope.replace(h, dropout(h, dropout));
        h = scope.replace(h, conv2.forward(h));
      } else {
        Tensor shifted = h.add_(projected(told), 1);
        h = scope.replace(h, conv2.forwardOf(in -> activated(norm2, in), shifted));
      }
      Tensor shortcut = resample.apply(x);
      h.add_(convShortcut == null ? shortcut : convShortcut.forward(shortcut), 1);
      return scope.keep(scale == 1 ? h : h.div(scale));
    }
  }

  private Tensor projected(Told told) {
    Tensor time = skipTimeAct ? told.time() : activation.apply(told.time());
    return timeEmbProj.forward(time).unsqueeze(2).unsqueeze(3);
  }

  /** Returns {@code act(norm2(h + t))}, or {@code act(norm2(h) (1 + s) + b)} with (s, b) = t. */
  private Tensor withTime(Tensor h, Tensor time) {
    try (Scope scope = Scope.open()) {
      if (!scaleShift) {
        return scope.keep(activated(norm2, h.add_(time, 1)));
      }
      long out = h.size(1);
      Tensor scale = time.narrow(1, 0, out).add(1);
      Tensor shift = time.narrow(1, out, out);
      return scope.keep(activation.consume(norm2.forward(h).mul(scale).add_(shift, 1)));
    }
  }

  private Tensor activated(GroupNorm norm, Tensor x) {
    return Scope.run(() -> activation.consume(norm.forward(x)));
  }
}
