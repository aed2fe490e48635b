package dev.sfumato.tensor;

import java.util.List;
import java.util.Optional;

/** A layer whose weight and bias may learn, with gradients that the engine does not have. */
interface WeightedLayer extends GradientCheckpoint.Part {
  /** Returns the weight if it learns; otherwise it is an input. */
  Optional<Tensor> weight();

  /** Returns the bias, if there is one. */
  Optional<Tensor> bias();

  /** Returns {@code weight} if it learns. */
  static Optional<Tensor> learning(Tensor weight) {
    return Optional.of(weight).filter(Tensor::requiresGrad);
  }

  /** Returns the gradient of x from that of the output, which is contiguous, as below. */
  Tensor ofInput(Tensor x, Tensor weight, Tensor gradient);

  /** Returns the gradient of the weight from that of the output. */
  Tensor ofWeight(Tensor x, Tensor weight, Tensor gradient);

  /** Returns the gradient of the bias from that of the output. */
  Tensor ofBias(Tensor gradient);

  /** Returns the output for x, joined to the engine's graph if something learns. */
  default Tensor of(Tensor x, Tensor stored) {
    boolean learns = weight().isPresent() || bias().filter(Tensor::requiresGrad).isPresent();
    List<Tensor> inputs = weight().isPresent() ? List.of(x) : List.of(x, stored);
    return x.requiresGrad() || learns
        ? GradientCheckpoint.ofPart(this, inputs, Optional.empty())
        : compute(inputs);
  }

  /** Returns the weight, whether it learns or is an input. */
  default Tensor weight(List<Tensor> inputs) {
    return weight().orElseGet(() -> inputs.get(1));
  }

  /** The gradient of x needs the weight, that of the weight needs x. */
  @Override
  default boolean needs(int input) {
    return weight().isPresent() || input == 1;
  }

  @Override
  default void backward(List<Tensor> inputs, Tensor gradient) {
    Tensor x = inputs.get(0);
    try (Autograd.Recording off = Autograd.off()) {
      Tensor dy = gradient.contiguous();
      if (x.requiresGrad()) {
        Autograd.gather(x, ofInput(x, weight(inputs), dy));
      }
      if (Autograd.ofWeights()) {
        weight().ifPresent(learned -> Autograd.gather(learned, ofWeight(x, learned, dy)));
        bias()
            .filter(Tensor::requiresGrad)
            .ifPresent(learned -> Autograd.gather(learned, ofBias(dy)));
      }
    }
  }
}
