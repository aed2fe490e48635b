package dev.sfumato.clip;

import dev.sfumato.tensor.Autograd;
import dev.sfumato.tensor.Rng;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;

/** Start values of parameters that no layer of {@code nn} owns. */
final class StartValues {
  private StartValues() {}

  /** Draws from a normal distribution with mean 0 and standard deviation {@code deviation}. */
  static void normal(Rng rng, Tensor parameter, double deviation) {
    try (Scope scope = Scope.open();
        Autograd.Recording off = Autograd.off()) {
      parameter.copy_(rng.normal(parameter.shape()).mul(deviation));
    }
  }
}
