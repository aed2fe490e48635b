package dev.sfumato.tensor;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;
import org.bytedeco.javacpp.BoolPointer;
import org.bytedeco.pytorch.T_TensorTensorTensor_T;
import org.bytedeco.pytorch.global.torch;

/**
 * A convolution of something cheap to compute, such as a normalised and activated x. Only x is kept
 * for the backward pass. There the cheap part is computed again; the convolution is not, since its
 * gradients do not need its output.
 */
record RecomputedConv(
    UnaryOperator<Tensor> before,
    Supplier<Tensor> weight,
    Optional<Tensor> bias,
    long stride,
    long padding,
    long groups)
    implements GradientCheckpoint.Part {

  /** The number of elements above which memory matters more than the time to compute them again. */
  private static final long LARGE = 1 << 23;

  private static final UnaryOperator<Tensor> NOTHING = x -> x;

  /**
   * Returns the convolution of x with a weight in half precision. The engine's own would keep a
   * converted copy of it for the gradients.
   */
  static Tensor ofStored(
      Tensor x, Tensor weight, Tensor bias, long stride, long padding, long groups) {
    RecomputedConv conv =
        new RecomputedConv(
            NOTHING, () -> weight, Optional.ofNullable(bias), stride, padding, groups);
    return GradientCheckpoint.ofPart(conv, List.of(x, weight), Optional.empty());
  }

  /**
   * Returns true if the result of {@code before(x)} should not be kept: it is large, and x lies in
   * the host's memory. A card waits for the hooks, so there memory is saved only where {@link
   * GradientCheckpoint} is asked for.
   */
  static boolean pays(Tensor x) {
    return x.numel() >= LARGE && x.device().isCpu();
  }

  /** Returns the convolution of {@code before(x)}, which is computed again in the backward pass. */
  Tensor recomputed(Tensor x) {
    return GradientCheckpoint.ofPart(this, List.of(x), Optional.empty());
  }

  @Override
  public Tensor compute(List<Tensor> inputs) {
    try (Autograd.Recording off = before == NOTHING ? Autograd.off() : null) {
      return Scope.run(
          () ->
              Functional.conv2d(
                  before.apply(inputs.get(0)),
                  stored(inputs),
                  bias.orElse(null),
                  stride,
                  padding,
                  groups));
    }
  }

  /** A convolution of x itself needs x for the gradients of its weight alone. */
  @Override
  public boolean needs(int input) {
    return before != NOTHING || input > 0;
  }

  @Override
  public Tensor forward(List<Tensor> inputs) {
    try (Autograd.Recording off = Autograd.off()) {
      return compute(inputs);
    }
  }

  @Override
  public void backward(List<Tensor> inputs, Tensor gradient) {
    if (Autocast.enabled()) { // casts on the way to the convolution have gradients of their own
      GradientCheckpoint.Part.super.backward(inputs, gradient);
      return;
    }
    Tensor x = before.apply(inputs.get(0));
    Tensor w = stored(inputs);
    List<Tensor> all = new ArrayList<>(List.of(x, w));
    bias.ifPresent(all::add);
    boolean[] wanted = new boolean[3];
    for (int i = 0; i < all.size(); i++) {
      wanted[i] = all.get(i).requiresGrad() && (i == 0 || Autograd.ofWeights());
    }
    if (wanted[0] && !wanted[1] && !wanted[2]) {
      Optional<Tensor> turned = turned(gradient, w);
      if (turned.isPresent()) {
        Autograd.backward(List.of(x), List.of(turned.get()), inputs);
        return;
      }
    }
    Tensor widened = w.dtype().isHalf() ? w.to(DType.FLOAT32) : w;
    List<Tensor> three = gradients(x, widened, gradient, wanted);
    List<Tensor> outputs = new ArrayList<>();
    List<Tensor> gradients = new ArrayList<>();
    for (int i = 0; i < all.size(); i++) {
      if (wanted[i]) {
        outputs.add(all.get(i));
        gradients.add(three.get(i));
      }
    }
    Autograd.backward(outputs, gradients, inputs);
  }

  /** Returns the weight as it is stored; it is an input if x goes into the convolution as it is. */
  private Tensor stored(List<Tensor> inputs) {
    return before == NOTHING ? inputs.get(1) : weight.get();
  }

  /** Returns the gradient of x as a convolution, where that is faster or smaller. */
  private Optional<Tensor> turned(Tensor gradient, Tensor w) {
    try (Autograd.Recording off = Autograd.off()) {
      if (WinogradConv.pays(gradient, w, null, stride, padding, groups)) {
        return Optional.of(WinogradConv.turned(gradient, w));
      }
      if (groups > 1 || !StripedConv.pays(gradient, w, null, stride, padding)) {
        return Optional.empty();
      }
      Tensor turned = w.flip(2, 3).transpose(0, 1).contiguous();
      return Optional.of(StripedConv.conv2d(gradient, turned, null, padding, 1));
    }
  }

  /** Returns the gradients of x, weight and bias; unwanted ones are undefined. */
  private List<Tensor> gradients(Tensor x, Tensor w, Tensor gradient, boolean[] wanted) {
    long[] strides = {stride, stride};
    long[] paddings = {padding, padding};
    return Engine.call(
        () -> {
          try (Autograd.Recording off = Autograd.off();
              BoolPointer mask = new BoolPointer(wanted.length);
              T_TensorTensorTensor_T three =
                  torch.convolution_backward(
                      gradient.handle(),
                      x.handle(),
                      w.handle(),
                      new long[] {w.size(0)},
                      strides,
                      paddings,
                      new long[] {1, 1},
                      false,
                      new long[] {0, 0},
                      groups,
                      mask.put(0, wanted[0]).put(1, wanted[1]).put(2, wanted[2]))) {
            return List.of(own(three.get0()), own(three.get1()), own(three.get2()));
          }
        });
  }

  private static Tensor own(org.bytedeco.pytorch.Tensor part) {
    return Tensor.make(() -> new org.bytedeco.pytorch.Tensor(part));
  }
}
