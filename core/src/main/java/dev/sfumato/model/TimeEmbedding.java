package dev.sfumato.model;

import dev.sfumato.nn.Activation;
import dev.sfumato.nn.Linear;
import dev.sfumato.nn.Module;
import dev.sfumato.nn.Name;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;

/** Two linear layers with an activation between them: from projected times to the embedding. */
final class TimeEmbedding extends Module {
  @Name("linear_1")
  private final Linear first;

  private final Linear condProj;

  @Name("linear_2")
  private final Linear second;

  private final Activation activation;

  TimeEmbedding(int in, int out, Activation activation) {
    this(in, out, activation, 0);
  }

  /**
   * @param guided size of what else is added to the projected times, such as the embedded scale of
   *     a distilled guidance; 0: nothing
   */
  TimeEmbedding(int in, int out, Activation activation, int guided) {
    first = new Linear(in, out);
    condProj = guided == 0 ? null : new Linear(guided, in, false);
    second = new Linear(out, out);
    this.activation = activation;
  }

  /** (B, in) to (B, out). */
  Tensor forward(Tensor x) {
    return Scope.run(() -> second.forward(activation.apply(first.forward(x))));
  }

  /** (B, in) and what is added, (B, guided), to (B, out). */
  Tensor forward(Tensor x, Tensor guide) {
    return Scope.run(() -> forward(x.add(condProj.forward(guide))));
  }
}
