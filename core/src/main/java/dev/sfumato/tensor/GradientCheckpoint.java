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
 * Gradient checkpointing (Chen et al., 2016): a part of a computation keeps only its inputs, and
 * runs again when the backward pass reaches it.
 *
 * <p>A checkpoint joins the engine's graph as follows. The output is cut off from its own graph,
 * and a scalar of minus zero, which changes no bit, is added to it in place. The scalar is made
 * from the inputs, so the backward pass goes from the output through the scalar to each input. A
 * hook on the output computes the part again, recorded this time, and takes the gradients; a hook
 * on the way to each input puts its gradient in place of the meaningless one that came through the
 * scalar.
 *
 * <p>Weights gather their gradients as in {@link Tensor#backward}. Under {@link Autograd#gradient}
 * their gradients are not computed. The hooks run on the thread that asked for the backward pass,
 * on a card, too.
 */
public final class GradientCheckpoint implements AutoCloseable {
  /**
   * Parts that the backward pass has finished and that wait to be freed: a hook cannot be freed
   * while it runs.
   */
  private static final Queue<GradientCheckpoint> SPENT = new ConcurrentLinkedQueue<>();

  /** The failure of a hook: an exception must not pass through the engine. */
  private static final AtomicReference<RuntimeException> FAILURE = new AtomicReference<>();

  /**
   * True while this thread computes a part whose graph, with all parts inside it, is thrown away.
   */
  private static final ThreadLocal<Boolean> THROWN_AWAY = ThreadLocal.withInitial(() -> false);

  private final Run run;
  private final boolean whole;
  private final List<Optional<Tensor>> gradients = new ArrayList<>();
  private final List<Hook> hooks = new ArrayList<>();
  private final Optional<Scope> owner = Scope.outermost();
  private boolean late;
  private int hooksToRun;

  /** A part of a computation that runs twice. */
  interface Part {
    /** Computes the output, the same each time. */
    Tensor compute(List<Tensor> inputs);

    /** Computes the output for the first time; its graph is not needed. */
    default Tensor forward(List<Tensor> inputs) {
      return compute(inputs);
    }

    /** Returns whether {@link #backward} reads the values of an input, not only its shape. */
    default boolean needs(int input) {
      return true;
    }

    /** Adds gradients to inputs and weights; {@code gradient} is the output's. */
    default void backward(List<Tensor> inputs, Tensor gradient) {
      Tensor output = compute(inputs);
      if (output.requiresGrad()) {
        Autograd.backward(List.of(output), List.of(gradient), inputs);
      }
    }
  }

  /** A part with its inputs, its random numbers and its precision, ready to run again. */
  static final class Run {
    private final Part part;
    private final List<Tensor> inputs = new ArrayList<>();
    private final Optional<Rng> random;
    private final Optional<Tensor> randomState;
    private final Precision precision = Autocast.current();

    private Run(Part part, List<Tensor> inputs, Optional<Rng> random) {
      this.part = part;
      this.random = random;
      randomState = random.map(r -> Scope.release(r.state()));
      for (Tensor input : inputs) {
        this.inputs.add(Scope.release(input.detach()).requiresGrad(input.requiresGrad()));
      }
    }

    /** Computes the part again and adds the gradients of its inputs and weights. */
    void backward(Tensor gradient) {
      try (Autograd.Recording on = Autograd.on();
          Autocast region = Autocast.open(precision)) {
        if (random.isPresent()) {
          random.get().replay(randomState.get(), () -> part.backward(inputs, gradient));
        } else {
          part.backward(inputs, gradient);
        }
      }
    }

    /** Puts zeros that take no memory in the place of inputs of which only the shape is needed. */
    private void forgetUnneeded() {
      for (int i = 0; i < inputs.size(); i++) {
        if (!part.needs(i)) {
          Tensor input = inputs.get(i);
          Tensor shape = Tensor.zeros(input.device()).expand(input.shape());
          inputs.set(i, Scope.release(shape).requiresGrad(input.requiresGrad()));
          input.close();
        }
      }
    }

    void free() {
      inputs.forEach(Tensor::close);
      inputs.clear();
      randomState.ifPresent(Tensor::close);
    }
  }

  private GradientCheckpoint(Run run, boolean whole) {
    this.run = run;
    this.whole = whole;
  }

  /**
   * Computes {@code part} of {@code inputs} without keeping its intermediate results. Outside a
   * recorded region it only runs {@code part}.
   *
   * @param part returns a new tensor, neither an input nor a view of one, the same each time; it
   *     leaves its inputs unchanged
   * @param random the generator of {@code part}, which draws the same numbers again
   */
  public static Tensor of(
      Function<List<Tensor>, Tensor> part, List<Tensor> inputs, Optional<Rng> random) {
    return of(part::apply, inputs, random, true);
  }

  static Tensor ofPart(Part part, List<Tensor> inputs, Optional<Rng> random) {
    return of(part, inputs, random, false);
  }

  /**
   * @param whole whether the part is a block of a network, whose gradients may be {@linkplain
   *     LateGradients late}
   */
  private static Tensor of(Part part, List<Tensor> inputs, Optional<Rng> random, boolean whole) {
    for (GradientCheckpoint done = SPENT.poll(); done != null; done = SPENT.poll()) {
      done.close();
    }
    if (!Autograd.recording() || THROWN_AWAY.get()) {
      return part.compute(inputs);
    }
    GradientCheckpoint checkpoint = new GradientCheckpoint(new Run(part, inputs, random), whole);
    checkpoint.owner.ifPresent(scope -> scope.own(checkpoint));
    return checkpoint.forward(inputs);
  }

  private Tensor forward(List<Tensor> originals) {
    try (Scope scope = Scope.open()) {
      Tensor output = output();
      run.forgetUnneeded();
      output.add_(link(originals, output.device()), 1);
      hook(output, this::backward);
      return scope.keep(output);
    }
  }

  /**
   * Computes the output with recording, which keeps the engine's choice of kernels and so the
   * rounding, and cuts it off.
   */
  private Tensor output() {
    THROWN_AWAY.set(true);
    try {
      return Scope.run(() -> run.part.forward(run.inputs).detach());
    } finally {
      THROWN_AWAY.set(false);
    }
  }

  /** Makes a minus zero through which the backward pass reaches the inputs. */
  private Tensor link(List<Tensor> originals, Device device) {
    Tensor link = Tensor.zeros(device).requiresGrad(true).mul(1);
    for (int i = 0; i < originals.size(); i++) {
      gradients.add(Optional.empty());
      if (originals.get(i).requiresGrad()) {
        int index = i;
        Tensor input = originals.get(i);
        Tensor alias = Tensor.make(() -> input.handle().view_as(input.handle()));
        hook(alias, meaningless -> replace(meaningless, index));
        link = link.add(alias.sum()); // its gradient takes no memory
      }
    }
    return link.share_(Tensor.full(device, -0.0));
  }

  private void hook(Tensor tensor, Consumer<Tensor> action) {
    Hook hook = new Hook(action.andThen(done -> ran()));
    hooks.add(hook);
    hooksToRun++;
    Engine.call(() -> tensor.handle().register_hook(hook));
  }

  /** Computes the part again and takes the gradients of its inputs and weights. */
  private void backward(Tensor gradient) {
    if (whole) {
      late = LateGradients.backward(run, gradient);
    } else {
      run.backward(gradient);
    }
    for (int i = 0; i < run.inputs.size(); i++) {
      gradients.set(i, Autograd.gathered(run.inputs.get(i)).map(Scope::release));
      Autograd.forget(run.inputs.get(i));
    }
    free();
  }

  /** Frees what the run keeps, unless it is to run again. */
  private void free() {
    if (!late) {
      run.free();
    }
  }

  private void replace(Tensor meaningless, int index) {
    Tensor gradient =
        gradients
            .get(index)
            .orElseGet(() -> Tensor.zeros(meaningless.device()).to(meaningless.dtype()));
    meaningless.share_(gradient.expand(meaningless.shape()));
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

  /** Throws the failure of the backward pass that has just ended, if there is one. */
  static void requireSuccess() {
    RuntimeException failure = FAILURE.getAndSet(null);
    if (failure != null) {
      throw failure;
    }
  }

  /** Frees the tensors kept for the backward pass. */
  @Override
  public void close() {
    free();
    gradients.forEach(gradient -> gradient.ifPresent(Tensor::close));
    hooks.forEach(Hook::close);
  }

  /** A hook that the engine calls with the gradient of the tensor on which it is registered. */
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
