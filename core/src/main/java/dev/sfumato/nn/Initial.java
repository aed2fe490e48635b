package dev.sfumato.nn;

import dev.sfumato.tensor.Autograd;
import dev.sfumato.tensor.Rng;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;

/** Start values of parameters. */
final class Initial {
  private Initial() {}

  /**
   * Uniform in {@code (-1/sqrt(n), 1/sqrt(n))}, n the number of inputs of one output of {@code
   * weight}.
   */
  static void fanIn(Rng rng, Tensor parameter, Tensor weight) {
    if (parameter != null) {
      double bound = 1 / Math.sqrt((double) weight.numel() / weight.size(0));
      try (Scope scope = Scope.open();
          Autograd.Recording off = Autograd.off()) {
        parameter.copy_(rng.uniform(parameter.shape()).mul(2 * bound).sub(bound));
      }
    }
  }

  /** Standard normal. */
  static void normal(Rng rng, Tensor parameter) {
    try (Scope scope = Scope.open();
        Autograd.Recording off = Autograd.off()) {
      parameter.copy_(rng.normal(parameter.shape()));
    }
  }

  /** One value everywhere. */
  static void constant(double value, Tensor parameter) {
    try (Autograd.Recording off = Autograd.off()) {
      parameter.fill_(value);
    }
  }
}
