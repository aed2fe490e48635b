package dev.sfumato.tensor;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import java.util.function.Function;
import org.bytedeco.pytorch.TensorBase;
import org.bytedeco.pytorch.VoidTensorHook;

/**
 * Gradient checkpointing (Chen et al., 2016): a part of a computation keeps its inputs only, and
 * computes what lies between again when the backward pass comes to it.
 *
 * <p>How it hangs in the engine's graph: the output, cut off from its own graph, gets a scalar
 * added in place that is minus zero and so changes no bit. That scalar was made from the inputs, so
 * the backward pass goes from the output through the scalar to each input. A hook on the output
 * computes the part again, recorded this time, and takes the gradients; a hook on the way to each
 * input puts its gradient in the place of the meaningless one that came through the scalar.
 *
 * <p>Weights gather their gradients as in {@link Tensor#backward}; under {@link Autograd#gradient}
 * none are computed (on a card, whose hooks run on threads of the engine, they are).
 */
public final class GradientCheckpoint implements AutoCloseable {
  /** Parts that the backward pass is done with: a hook cannot be freed while it runs. */
  private static final Queue<GradientCheckpoint> SPENT = new ConcurrentLinkedQueue<>();

  /** What went wrong in a hook: an exception must not pass through the engine. */
  private static final AtomicReference<RuntimeException> FAILURE = new AtomicReference<>();

  /** Whether this thread computes a part whose graph is thrown away, and with it all within it. */
  private static final ThreadLocal<Boolean> THROWN_AWAY = ThreadLocal.withInitial(() -> false);

  private final Part part;
  private final List<Tensor> inputs = new ArrayList<>();
  private final List<Optional<Tensor>> gradients = new ArrayList<>();
  private final List<Hook> hooks = new ArrayList<>();
  private final Optional<Rng> random;
  private final Optional<Tensor> randomState;
  private final boolean autocast = Autocast.enabled();
  private final Optional<Scope> owner = Scope.outermost();
  private int hooksToRun;

  /** What is computed twice. */
  interface Part {
    /** The output, the same each time. */
    Tensor compute(List<Tensor> inputs);

    /** Adds gradients to inputs and weights, where that of the output is {@code gradient}. */
    default void backward(List<Tensor> inputs, Tensor gradient) {
      Tensor output = compute(inputs);
      if (output.requiresGrad()) {
        Autograd.backward(List.of(output), List.of(gradient), inputs);
      }
    }
  }

  private GradientCheckpoint(Part part, List<Tensor> inputs, Optional<Rng> random) {
    this.part = part;
    this.random = random;
    randomState = random.map(r -> Scope.release(r.state()));
    for (Tensor input : inputs) {
      this.inputs.add(Scope.release(input.detach()).requiresGrad(input.requiresGrad()));
    }
  }

  /**
   * What {@code part} makes of {@code inputs}, without keeping what it computes on the way. Outside
   * of a recorded region this is {@code part} alone.
   *
   * @param part gives a tensor of its own, neither an input nor a view of one, and the same each
   *     time; it leaves its inputs as they are
   * @param random what {@code part} draws from, so that it draws the same numbers again
   */
  public static Tensor of(
      Function<List<Tensor>, Tensor> part, List<Tensor> inputs, Optional<Rng> random) {
    return ofPart(part::apply, inputs, random);
  }

  static Tensor ofPart(Part part, List<Tensor> inputs, Optional<Rng> random) {
    for (GradientCheckpoint done = SPENT.poll(); done != null; done = SPENT.poll()) {
      done.close();
    }
    if (!Autograd.recording() || THROWN_AWAY.get()) {
      return part.compute(inputs);
    }
    GradientCheckpoint checkpoint = new GradientCheckpoint(part, inputs, random);
    checkpoint.owner.ifPresent(scope -> scope.own(checkpoint));
    return checkpoint.forward(inputs);
  }

  private Tensor forward(List<Tensor> originals) {
    try (Scope scope = Scope.open()) {
      Tensor output = output();
      output.add_(link(originals), 1);
      hook(output, this::backward);
      return scope.keep(output);
    }
  }

  /**
   * Recorded and cut off: without recording, the engine may choose kernels that round otherwise.
   */
  private Tensor output() {
    THROWN_AWAY.set(true);
    try {
      return Scope.run(() -> part.compute(inputs).detach());
    } finally {
      THROWN_AWAY.set(false);
    }
  }

  /** A minus zero through which the backward pass reaches the inputs. */
  private Tensor link(List<Tensor> originals) {
    Tensor link = Tensor.zeros().requiresGrad(true).mul(1);
    for (int i = 0; i < originals.size(); i++) {
      gradients.add(Optional.empty());
      if (originals.get(i).requiresGrad()) {
        int index = i;
        Tensor input = originals.get(i);
        Tensor alias = Tensor.make(() -> input.handle().view_as(input.handle()));
        hook(alias, meaningless -> replace(meaningless, index));
        Tensor first = alias;
        while (first.dim() > 0) {
          first = first.select(0, 0);
        }
        link = link.add(first);
      }
    }
    return link.share_(Tensor.full(-0.0).to(link.device()));
  }

  private void hook(Tensor tensor, Consumer<Tensor> action) {
    Hook hook = new Hook(action.andThen(done -> ran()));
    hooks.add(hook);
    hooksToRun++;
    Engine.call(() -> tensor.handle().register_hook(hook));
  }

  /** Computes the part again and takes the gradients of its inputs and weights. */
  private void backward(Tensor gradient) {
    try (Autograd.Recording on = Autograd.on();
        Autocast region = Autocast.resume(autocast)) {
      if (random.isPresent()) {
        random.get().replay(randomState.get(), () -> part.backward(inputs, gradient));
      } else {
        part.backward(inputs, gradient);
      }
    }
    for (int i = 0; i < inputs.size(); i++) {
      gradients.set(i, Autograd.gathered(inputs.get(i)).map(Scope::release));
    }
    free(inputs);
    randomState.ifPresent(Tensor::close);
  }

  private void replace(Tensor meaningless, int index) {
    gradients.get(index).ifPresentOrElse(meaningless::share_, () -> meaningless.fill_(0));
    gradients.get(index).ifPresent(Tensor::close);
    gradients.set(index, Optional.empty());
  }

  private void ran() {
    hooksToRun--;
    if (hooksToRun == 0) {
      owner.ifPresent(scope -> scope.disown(this));
      SPENT.add(this);
    }
  }

  /** Throws what went wrong in the backward pass that has ended. */
  static void requireSuccess() {
    RuntimeException failure = FAILURE.getAndSet(null);
    if (failure != null) {
      throw failure;
    }
  }

  private static void free(List<Tensor> tensors) {
    tensors.forEach(Tensor::close);
    tensors.clear();
  }

  /** Frees what is kept for the backward pass. */
  @Override
  public void close() {
    free(inputs);
    randomState.ifPresent(Tensor::close);
    gradients.forEach(gradient -> gradient.ifPresent(Tensor::close));
    hooks.forEach(Hook::close);
  }

  /** Called by the engine with the gradient of the tensor it is registered with. */
  private static final class Hook extends VoidTensorHook {
    private final Consumer<Tensor> action;

    Hook(Consumer<Tensor> action) {
      this.action = action;
    }

    @Override
    public void call(TensorBase gradient) {
      try (gradient;
          Scope scope = Scope.open()) {
        action.accept(Tensor.make(() -> new org.bytedeco.pytorch.Tensor(gradient)));
      } catch (RuntimeException e) {
        FAILURE.compareAndSet(null, e);
      }
    }
  }
}
