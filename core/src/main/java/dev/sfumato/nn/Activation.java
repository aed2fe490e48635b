package dev.sfumato.nn;

import dev.sfumato.SfumatoException;
import dev.sfumato.tensor.Functional;
import dev.sfumato.tensor.Tensor;
import java.util.function.UnaryOperator;

/** The activation functions by the names that configurations use. */
public enum Activation {
  SILU(Functional::silu),
  MISH(Functional::mish),
  GELU(Functional::gelu),
  GELU_TANH(Functional::geluTanh),
  QUICK_GELU(Functional::quickGelu),
  RELU(Functional::relu);

  private final UnaryOperator<Tensor> function;

  Activation(UnaryOperator<Tensor> function) {
    this.function = function;
  }

  /** Applies the function to each element. */
  public Tensor apply(Tensor x) {
    return function.apply(x);
  }

  /**
   * Applies the function to a tensor that nobody else uses, in its own memory unless it is recorded
   * for gradients.
   */
  public Tensor consume(Tensor x) {
    return this == SILU && !x.requiresGrad() ? x.silu_() : apply(x);
  }

  /**
   * Reads {@code silu} or its other name {@code swish}, {@code mish}, {@code gelu} or {@code relu}.
   *
   * @throws SfumatoException for another name
   */
  public static Activation parse(String name) {
    return switch (name) {
      case "silu", "swish" -> SILU;
      case "mish" -> MISH;
      case "gelu" -> GELU;
      case "relu" -> RELU;
      default ->
          throw new SfumatoException(
              "act_fn '" + name + "' is unknown: use silu, swish, mish, gelu or relu");
    };
  }
}
