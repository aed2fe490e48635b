package dev.sfumato.tensor;

import dev.sfumato.SfumatoException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.AutogradState;
import org.bytedeco.pytorch.BoolOptional;
import org.bytedeco.pytorch.GradMode;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;

/** Switches for the recording of operations, and derivatives with respect to chosen tensors. */
public final class Autograd {
  private static final BoolOptional FREE_GRAPH = Engine.call(() -> new BoolOptional(false));

  /** True while a backward pass of this thread serves {@link #gradient}. */
  private static final ThreadLocal<Boolean> INPUT_ALONE = ThreadLocal.withInitial(() -> false);

  private Autograd() {}

  /**
   * A region of this thread with recording switched on or off; closing it restores the earlier
   * state.
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

  /**
   * Runs a backward pass on this thread. Left alone, the engine computes the gradients of a card's
   * tensors on a thread of its own, where hooks would attach the JVM anew each time and see none of
   * this thread's settings.
   */
  private static <T> T onThisThread(Supplier<T> pass) {
    return Engine.call(
        () -> {
          AutogradState state = AutogradState.get_tls_state();
          boolean before = state.get_multithreading_enabled();
          state.set_multithreading_enabled(false);
          try {
            return pass.get();
          } finally {
            AutogradState.get_tls_state().set_multithreading_enabled(before);
          }
        });
  }

  /** Adds d output / d leaf to the gradient of every leaf that wants one. */
  static void backward(Tensor output) {
    onThisThread(
        () -> {
          output.handle().backward();
          return null;
        });
    GradientCheckpoint.requireSuccess();
  }

  /** Opens a region that records nothing, for sampling and for updates of weights. */
  public static Recording off() {
    return new Recording(false);
  }

  /** Opens a region that records again inside one that is {@link #off}. */
  public static Recording on() {
    return new Recording(true);
  }

  /** Returns true if operations of this thread are recorded. */
  public static boolean recording() {
    return Engine.call(GradMode::is_enabled);
  }

  /**
   * Returns d output / d input, in the input's shape.
   *
   * @param output one element
   * @param input a tensor that requires gradients and from which {@code output} was computed
   * @throws SfumatoException if {@code output} does not depend on {@code input}
   */
  public static Tensor gradient(Tensor output, Tensor input) {
    return withoutWeights(() -> Tensor.make(() -> onThisThread(() -> gradientOf(output, input))));
  }

  private static org.bytedeco.pytorch.Tensor gradientOf(Tensor output, Tensor input) {
    try (TensorVector outputs = Tensor.vector(List.of(output));
        TensorVector inputs = Tensor.vector(List.of(input));
        TensorVector gradients = torch.grad(outputs, inputs)) {
      return new org.bytedeco.pytorch.Tensor(gradients.get(0));
    }
  }

  /**
   * Runs {@code pass} and tells the parts that it computes again to skip the gradients of weights.
   */
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

  /**
   * Returns true if gradients of weights are wanted, and false while {@link #gradient} asks for an
   * input's alone.
   */
  static boolean ofWeights() {
    return !INPUT_ALONE.get();
  }

  /**
   * Adds the gradients of all leaves, or of {@code inputs} alone if those of weights are not
   * wanted; {@code gradients} is d loss / d outputs.
   */
  static void backward(List<Tensor> outputs, List<Tensor> gradients, List<Tensor> inputs) {
    List<Tensor> only =
        ofWeights() ? List.of() : inputs.stream().filter(Tensor::requiresGrad).toList();
    if (outputs.isEmpty() || !ofWeights() && only.isEmpty()) {
      return;
    }
    onThisThread(() -> run(outputs, gradients, only));
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
   * Returns d output / d input for several inputs, with zeros for inputs on which {@code output}
   * does not depend.
   *
   * @param output one element
   * @param inputs tensors that require gradients
   */
  public static List<Tensor> gradients(Tensor output, List<Tensor> inputs) {
    return gradients(output, inputs, List.of());
  }

  /**
   * Returns the derivative with respect to the input of the sum of {@code outputGradient * output}.
   *
   * @param output a tensor of any shape
   * @param input a tensor that requires gradients
   * @param outputGradient a tensor of the shape of {@code output}
   * @return a tensor of the input's shape
   */
  public static Tensor gradient(Tensor output, Tensor input, Tensor outputGradient) {
    return gradients(output, List.of(input), List.of(outputGradient)).get(0);
  }

  private static List<Tensor> gradients(
      Tensor output, List<Tensor> inputs, List<Tensor> outputGradients) {
    List<org.bytedeco.pytorch.Tensor> found =
        withoutWeights(() -> onThisThread(() -> gradientsOf(output, inputs, outputGradients)));
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

  /** Returns the gradient that {@link Tensor#backward} gathered for {@code leaf}. */
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

  /**
   * Adds to the gradient that is gathered for {@code leaf}; the engine would copy the first one.
   */
  static void gather(Tensor leaf, Tensor gradient) {
    try (Scope scope = Scope.open()) {
      gathered(leaf)
          .ifPresentOrElse(sum -> sum.add_(gradient, 1), () -> put(leaf, gradient::handle));
    }
  }

  /** Gives {@code leaf}, which has no gradient yet, a gradient of zeros. */
  public static Tensor zero(Tensor leaf) {
    Tensor zeros = Tensor.zeros(leaf.device(), leaf.shape());
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
