package dev.sfumato.model;

import dev.sfumato.nn.Linear;
import dev.sfumato.nn.Module;
import dev.sfumato.nn.Name;
import dev.sfumato.tensor.Functional;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;

/** Two linear layers with SiLU between them: from projected times to the time embedding. */
final class TimeEmbedding extends Module {
  @Name("linear_1")
  private final Linear first;

  @Name("linear_2")
  private final Linear second;

  TimeEmbedding(int in, int out) {
    first = new Linear(in, out);
    second = new Linear(out, out);
  }

  /** (B, in) to (B, out). */
  Tensor forward(Tensor x) {
    return Scope.run(() -> second.forward(Functional.silu(first.forward(x))));
  }
}
