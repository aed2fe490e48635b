package dev.sfumato.tensor;

import dev.sfumato.SfumatoException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.BoolOptional;
import org.bytedeco.pytorch.GradMode;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;

/** Gradients: when operations are recorded, and derivatives with respect to chosen tensors. */
public final class Autograd {
  private static final BoolOptional FREE_GRAPH = Engine.call(() -> new BoolOptional(false));

  /** Whether a backward pass of this thread is for {@link #gradient}. */
  private static final ThreadLocal<Boolean> INPUT_ALONE = ThreadLocal.withInitial(() -> false);

  private Autograd() {}

  /**
   * A region of this thread in which recording is switched; closing it restores what was before.
   */
  public static final class Recording implements AutoCloseable {
    private final boolean before = recording();

    private Recording(boolean enabled) {
      GradMode.set_enabled(enabled);
    }

    @Override
    public void close() {
      GradMode.set_enabled(before);
    }
  }

  /** Records nothing: for sampling and for updates of weights. */
  public static Recording off() {
    return new Recording(false);
  }

  /** Records again inside a region that is {@link #off}. */
  public static Recording on() {
    return new Recording(true);
  }

  /** Whether operations of this thread are recorded. */
  public static boolean recording() {
    return Engine.call(GradMode::is_enabled);
  }

  /**
   * d output / d input, of the input's shape.
   *
   * @param output one element
   * @param input a tensor that requires gradients and from which {@code output} was computed
   * @throws SfumatoException if {@code output} does not depend on {@code input}
   */
  public static Tensor gradient(Tensor output, Tensor input) {
    return withoutWeights(() -> Tensor.make(() -> gradientOf(output, input)));
  }

  private static org.bytedeco.pytorch.Tensor gradientOf(Tensor output, Tensor input) {
    try (TensorVector outputs = Tensor.vector(List.of(output));
        TensorVector inputs = Tensor.vector(List.of(input));
        TensorVector gradients = torch.grad(outputs, inputs)) {
      return new org.bytedeco.pytorch.Tensor(gradients.get(0));
    }
  }

  /** Says to what is computed again in a backward pass that nobody wants gradients of weights. */
  private static <T> T withoutWeights(Supplier<T> pass) {
    INPUT_ALONE.set(true);
    try {
      T result = pass.get();
      GradientCheckpoint.requireSuccess();
      return result;
    } finally {
      INPUT_ALONE.set(false);
    }
  }

  /** Whether gradients of weights are wanted, or {@link #gradient} asks for that of an input. */
  static boolean ofWeights() {
    return !INPUT_ALONE.get();
  }

  /**
   * Adds the gradients of all leaves, or of {@code inputs} if those of weights are not wanted,
   * where d loss / d outputs is {@code gradients}.
   */
  static void backward(List<Tensor> outputs, List<Tensor> gradients, List<Tensor> inputs) {
    List<Tensor> only =
        ofWeights() ? List.of() : inputs.stream().filter(Tensor::requiresGrad).toList();
    if (outputs.isEmpty() || !ofWeights() && only.isEmpty()) {
      return;
    }
    Engine.call(() -> run(outputs, gradients, only));
  }

  private static Void run(List<Tensor> outputs, List<Tensor> gradients, List<Tensor> leaves) {
    try (TensorVector of = Tensor.vector(outputs);
        TensorVector weights = Tensor.vector(gradients);
        TensorVector only = Tensor.vector(leaves)) {
      torch.backward(of, weights, FREE_GRAPH, false, only);
      return null;
    }
  }

  /**
   * d output / d input for several inputs; zeros for those that {@code output} does not depend on.
   *
   * @param output one element
   * @param inputs tensors that require gradients
   */
  public static List<Tensor> gradients(Tensor output, List<Tensor> inputs) {
    return gradients(output, inputs, List.of());
  }

  /**
   * The sum over all elements of {@code outputGradient * output}, differentiated by input.
   *
   * @param output a tensor of any shape
   * @param input a tensor that requires gradients
   * @param outputGradient of the shape of {@code output}
   * @return of the input's shape
   */
  public static Tensor gradient(Tensor output, Tensor input, Tensor outputGradient) {
    return gradients(output, List.of(input), List.of(outputGradient)).get(0);
  }

  private static List<Tensor> gradients(
      Tensor output, List<Tensor> inputs, List<Tensor> outputGradients) {
    List<org.bytedeco.pytorch.Tensor> found =
        withoutWeights(() -> Engine.call(() -> gradientsOf(output, inputs, outputGradients)));
    List<Tensor> gradients = new ArrayList<>();
    for (int i = 0; i < inputs.size(); i++) {
      org.bytedeco.pytorch.Tensor gradient = found.get(i);
      gradients.add(
          gradient.defined() ? Tensor.make(() -> gradient) : inputs.get(i).detach().mul(0));
    }
    return gradients;
  }

  /** The gradients, undefined for inputs that {@code output} does not depend on. */
  private static List<org.bytedeco.pytorch.Tensor> gradientsOf(
      Tensor output, List<Tensor> inputs, List<Tensor> outputGradients) {
    try (TensorVector outputs = Tensor.vector(List.of(output));
        TensorVector leaves = Tensor.vector(inputs);
        TensorVector weights = Tensor.vector(outputGradients);
        TensorVector gradients = torch.grad(outputs, leaves, weights, FREE_GRAPH, false, true)) {
      return IntStream.range(0, inputs.size())
          .mapToObj(i -> new org.bytedeco.pytorch.Tensor(gradients.get(i)))
          .toList();
    }
  }

  /** The gradient that {@link Tensor#backward} gathered for {@code leaf}. */
  public static Optional<Tensor> gathered(Tensor leaf) {
    return Engine.call(
        () -> {
          try (org.bytedeco.pytorch.Tensor gradient = leaf.handle().grad()) {
            // What the leaf gives is a reference into it; a copy may outlive the leaf.
            return gradient.defined()
                ? Optional.of(Tensor.make(() -> new org.bytedeco.pytorch.Tensor(gradient)))
                : Optional.empty();
          }
        });
  }

  /** Gives {@code leaf}, which has no gradient, one of zeros. */
  public static Tensor zero(Tensor leaf) {
    Tensor zeros = Scope.run(() -> Tensor.zeros(leaf.shape()).to(leaf.device()));
    put(leaf, zeros::handle);
    return zeros;
  }

  /** Forgets the gradient that was gathered for {@code leaf}. */
  public static void forget(Tensor leaf) {
    try (org.bytedeco.pytorch.Tensor none = Engine.call(org.bytedeco.pytorch.Tensor::new)) {
      put(leaf, () -> none);
    }
  }

  private static void put(Tensor leaf, Supplier<org.bytedeco.pytorch.Tensor> gradient) {
    Engine.call(
        () -> {
          try (org.bytedeco.pytorch.Tensor place = leaf.handle().mutable_grad()) {
            return place.put(gradient.get());
          }
        });
  }
}
