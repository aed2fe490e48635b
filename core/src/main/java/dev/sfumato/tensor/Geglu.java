package dev.sfumato.tensor;

import java.util.List;
import java.util.Optional;
import org.bytedeco.pytorch.global.torch;

/**
 * {@code a gelu(b)} of features whose last dimension holds a, then b. While gradients are recorded
 * it keeps these features only, and computes {@code gelu(b)} again in the backward pass. The two
 * halves of the gradient are written side by side; the engine's own backward pass fills a whole
 * tensor with zeros for each and adds the two.
 */
final class Geglu implements GradientCheckpoint.Part {
  /** The number of elements above which the hooks cost less than they save. */
  private static final long LARGE = 1 << 19;

  private Geglu() {}

  /** Maps (..., 2 C) to (..., C). */
  static Tensor of(Tensor x) {
    Geglu part = new Geglu();
    return x.requiresGrad() && x.device().isCpu() && x.numel() >= LARGE
        ? GradientCheckpoint.ofPart(part, List.of(x), Optional.empty())
        : part.compute(List.of(x));
  }

  private static Tensor half(Tensor x, int index) {
    int last = x.dim() - 1;
    long half = x.size(last) / 2;
    return x.narrow(last, index * half, half);
  }

  @Override
  public Tensor compute(List<Tensor> inputs) {
    Tensor x = inputs.get(0);
    return Scope.run(() -> half(x, 0).mul(Functional.gelu(half(x, 1))));
  }

  @Override
  public Tensor forward(List<Tensor> inputs) {
    try (Autograd.Recording off = Autograd.off()) {
      Tensor x = inputs.get(0);
      return Scope.run(() -> Functional.gelu(half(x, 1)).mul_(half(x, 0)));
    }
  }

  @Override
  public void backward(List<Tensor> inputs, Tensor gradient) {
    Tensor x = inputs.get(0);
    try (Scope scope = Scope.open();
        Autograd.Recording off = Autograd.off()) {
      Tensor both = Tensor.make(() -> torch.empty_like(x.handle()));
      Tensor ofA = half(both, 0);
      Tensor ofB = half(both, 1);
      Tensor b = half(x, 1);
      ofA.change(() -> torch.gelu_out(ofA.handle(), b.handle())).mul_(gradient);
      ofB.change(() -> torch.mul_out(ofB.handle(), gradient.handle(), half(x, 0).handle()));
      ofB.change(() -> torch.gelu_backward_out(ofB.handle(), ofB.handle(), b.handle()));
      Autograd.gather(x, both);
    }
  }
}
