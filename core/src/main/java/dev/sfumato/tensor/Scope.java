package dev.sfumato.tensor;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;

/**
 * A region that frees every tensor made inside it, on the thread that opened it, when it closes.
 *
 * <p>Scopes nest; the innermost open one owns what is made. {@link #keep} moves a tensor to the
 * enclosing scope. A tensor made while no scope is open belongs to nobody and lives until {@link
 * Tensor#close}.
 *
 * <pre>{@code
 * try (Scope scope = Scope.open()) {
 *   Tensor hidden = linear.forward(x).silu();
 *   return scope.keep(hidden.mul(2)); // everything else is freed here
 * }
 * }</pre>
 */
public final class Scope implements AutoCloseable {
  private static final ThreadLocal<Scope> CURRENT = new ThreadLocal<>();
  private static final AtomicLong LIVE = new AtomicLong();

  private final Scope parent;
  private final List<Tensor> owned = new ArrayList<>();
  private final Set<GradientCheckpoint> checkpoints = ConcurrentHashMap.newKeySet();
  private boolean closed;

  private Scope(Scope parent) {
    this.parent = parent;
  }

  /** Opens a scope inside the current one of this thread. */
  public static Scope open() {
    Scope scope = new Scope(CURRENT.get());
    CURRENT.set(scope);
    return scope;
  }

  /** Runs {@code computation} in a scope of its own and keeps only its result. */
  public static Tensor run(Supplier<Tensor> computation) {
    try (Scope scope = open()) {
      return scope.keep(computation.get());
    }
  }

  /** Makes {@code tensor} outlive this scope: the enclosing scope, if any, owns it from now on. */
  public Tensor keep(Tensor tensor) {
    if (tensor.owner == this) {
      own(parent, tensor);
    }
    return tensor;
  }

  /** Keeps {@code next} and frees {@code previous}, which it replaces. */
  public Tensor replace(Tensor previous, Tensor next) {
    if (next != previous) {
      Scope heir = previous.owner;
      previous.close();
      own(heir, next);
    }
    return next;
  }

  /**
   * Returns a function that moves tensors from any scope to the one that is current now, for
   * objects that remember tensors from one inner scope to the next.
   */
  public static UnaryOperator<Tensor> keeper() {
    Scope home = CURRENT.get();
    return tensor -> {
      own(home, tensor);
      return tensor;
    };
  }

  /** Makes {@code tensor} belong to nobody: it lives until it is closed. */
  public static Tensor release(Tensor tensor) {
    tensor.owner = null;
    Construction.add(tensor);
    return tensor;
  }

  /** Returns the number of live tensors in the whole process. */
  public static long liveTensors() {
    return LIVE.get();
  }

  @Override
  public void close() {
    if (closed) {
      return;
    }
    closed = true;
    CURRENT.set(parent);
    checkpoints.forEach(GradientCheckpoint::close);
    for (Tensor tensor : owned) {
      if (tensor.owner == this) {
        tensor.close();
      }
    }
    owned.clear();
  }

  /** Returns the outermost scope of this thread. */
  static Optional<Scope> outermost() {
    Optional<Scope> scope = Optional.ofNullable(CURRENT.get());
    while (scope.isPresent() && scope.get().parent != null) {
      scope = Optional.of(scope.get().parent);
    }
    return scope;
  }

  /** Frees {@code checkpoint} at the end of this scope, unless a backward pass frees it first. */
  void own(GradientCheckpoint checkpoint) {
    checkpoints.add(checkpoint);
  }

  void disown(GradientCheckpoint checkpoint) {
    checkpoints.remove(checkpoint);
  }

  static void born(Tensor tensor) {
    LIVE.incrementAndGet();
    own(CURRENT.get(), tensor);
  }

  static void died() {
    LIVE.decrementAndGet();
  }

  private static void own(Scope scope, Tensor tensor) {
    tensor.owner = scope;
    if (scope != null) {
      scope.owned.add(tensor);
    }
  }
}
