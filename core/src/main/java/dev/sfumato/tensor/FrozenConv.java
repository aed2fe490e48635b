package dev.sfumato.tensor;

import java.util.List;
import java.util.Optional;

/** A convolution with a weight and a bias that do not learn: only its input has a gradient. */
interface FrozenConv extends GradientCheckpoint.Part {
  /** Returns true if neither learns now, and oneDNN's products can compute with them. */
  static boolean takes(Tensor x, Tensor weight, Tensor bias) {
    boolean learns = weight.requiresGrad() || bias != null && bias.requiresGrad();
    return !(Autograd.recording() && learns) && LinearKernel.takes(x, weight, bias);
  }

  /** Returns the gradient of x from that of the output. */
  Tensor gradient(Tensor x, Tensor weight, Tensor gradient);

  /** Returns the convolution of x. */
  default Tensor of(Tensor x, Tensor weight) {
    List<Tensor> inputs = List.of(x, weight);
    return x.requiresGrad()
        ? GradientCheckpoint.ofPart(this, inputs, Optional.empty())
        : compute(inputs);
  }

  /** The gradient of x needs the weight only. */
  @Override
  default boolean needs(int input) {
    return input == 1;
  }

  @Override
  default void backward(List<Tensor> inputs, Tensor gradient) {
    Tensor x = inputs.get(0);
    Autograd.gather(x, gradient(x, inputs.get(1), gradient));
  }
}
