package dev.sfumato.tensor;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.UnaryOperator;
import org.bytedeco.javacpp.BoolPointer;
import org.bytedeco.pytorch.T_TensorTensorTensor_T;
import org.bytedeco.pytorch.global.torch;

/**
 * A convolution of something that is cheap to compute, such as a normalised and activated x: x alone
 * is kept for the backward pass. There the cheap part is computed again, but not the convolution,
 * whose gradients do not need its output.
 */
record RecomputedConv(
    UnaryOperator<Tensor> before,
    Tensor weight,
    Optional<Tensor> bias,
    long stride,
    long padding,
    long groups)
    implements GradientCheckpoint.Part {

  @Override
  public Tensor compute(List<Tensor> inputs) {
    return Scope.run(
        () ->
            Functional.conv2d(
                before.apply(inputs.get(0)), weight, bias.orElse(null), stride, padding, groups));
  }

  @Override
  public void backward(List<Tensor> inputs, Tensor gradient) {
    if (Autocast.enabled()) { // casts on the way to the convolution have gradients of their own
      GradientCheckpoint.Part.super.backward(inputs, gradient);
      return;
    }
    Tensor x = before.apply(inputs.get(0));
    List<Tensor> leaves = new ArrayList<>(List.of(x, weight));
    bias.ifPresent(leaves::add);
    List<Tensor> gradients = gradients(x, gradient);
    List<Tensor> wanted = leaves.stream().filter(Tensor::requiresGrad).toList();
    Autograd.backward(wanted, wanted.stream().map(l -> gradients.get(leaves.indexOf(l))).toList());
  }

  /** The gradients of x, weight and bias; those that are not wanted are not defined. */
  private List<Tensor> gradients(Tensor x, Tensor gradient) {
    long[] strides = {stride, stride};
    long[] paddings = {padding, padding};
    boolean biasWanted = bias.map(Tensor::requiresGrad).orElse(false);
    return Engine.call(
        () -> {
          try (Autograd.Recording off = Autograd.off();
              BoolPointer wanted = new BoolPointer(3);
              T_TensorTensorTensor_T three =
                  torch.convolution_backward(
                      gradient.handle,
                      x.handle,
                      weight.handle,
                      new long[] {weight.size(0)},
                      strides,
                      paddings,
                      new long[] {1, 1},
                      false,
                      new long[] {0, 0},
                      groups,
                      mask(wanted, x, biasWanted))) {
            return List.of(own(three.get0()), own(three.get1()), own(three.get2()));
          }
        });
  }

  private BoolPointer mask(BoolPointer mask, Tensor x, boolean biasWanted) {
    return mask.put(0, x.requiresGrad()).put(1, weight.requiresGrad()).put(2, biasWanted);
  }

  private static Tensor own(org.bytedeco.pytorch.Tensor part) {
    return Tensor.make(() -> new org.bytedeco.pytorch.Tensor(part));
  }
}
