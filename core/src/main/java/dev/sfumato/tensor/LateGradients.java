package dev.sfumato.tensor;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;

/**
 * Gradients that are computed a second time when they are wanted, and take no memory until then.
 *
 * <p>An optimiser that clips gradients needs the norm of all of them before it uses the first.
 * {@link #during} a backward pass, some {@linkplain GradientCheckpoint checkpoints} leave only the
 * norms of their gradients: those with many weights and few pixels, which are quick to compute
 * again. {@link #each} does so, a checkpoint at a time. The gradients have the same bits as the
 * first time.
 *
 * <pre>{@code
 * try (LateGradients late = new LateGradients(weights)) {
 *   late.during(loss::backward);
 *   Tensor norm = late.norm(kept); // kept: the gradients of all weights but late.names()
 *   late.each(gradients -> update(gradients, norm));
 * }
 * }</pre>
 */
public final class LateGradients implements AutoCloseable {
  private static final ThreadLocal<Optional<LateGradients>> OPEN =
      ThreadLocal.withInitial(Optional::empty);

  /** The pixels of a picture up to which the second computation is a small part of a step. */
  private static final long PIXELS = 64;

  /** The weights from which a checkpoint's gradients are worth the time. */
  private static final long WEIGHTS = 1 << 22;

  private final Map<String, Tensor> weights;
  private final Map<String, Tensor> norms = new LinkedHashMap<>();
  private final List<Late> parts = new ArrayList<>();
  private final UnaryOperator<Tensor> keeper = Scope.keeper();
  private boolean computing; // a part, to which all checkpoints inside it belong

  /** A part with its weights, and with a run and the gradient of the output for each batch. */
  private record Late(
      Map<String, Tensor> weights, List<GradientCheckpoint.Run> runs, List<Tensor> gradients) {
    Late() {
      this(new LinkedHashMap<>(), new ArrayList<>(), new ArrayList<>());
    }

    boolean shares(Map<String, Tensor> others) {
      return others.keySet().stream().anyMatch(weights::containsKey);
    }

    void add(GradientCheckpoint.Run run, Tensor gradient, Map<String, Tensor> learned) {
      runs.add(run);
      gradients.add(Scope.release(gradient.detach()));
      weights.putAll(learned);
    }

    void free() {
      runs.forEach(GradientCheckpoint.Run::free);
      gradients.forEach(Tensor::close);
    }
  }

  /**
   * @param weights all that require gradients, by name; those of checkpoints have no part outside
   */
  public LateGradients(Map<String, Tensor> weights) {
    this.weights = weights;
  }

  /** Runs the backward pass of a batch; those of several add up. */
  public void during(Runnable backward) {
    OPEN.set(Optional.of(this));
    try {
      backward.run();
    } finally {
      OPEN.set(Optional.empty());
    }
  }

  /**
   * Runs a part backward, and takes the run over if its gradients are to be computed again.
   *
   * @return whether it did
   */
  static boolean backward(GradientCheckpoint.Run run, Tensor gradient) {
    Optional<LateGradients> region =
        OPEN.get().filter(late -> !late.computing && Autograd.ofWeights());
    if (region.isEmpty()) {
      run.backward(gradient);
      return false;
    }
    return region.get().take(run, gradient);
  }

  private boolean take(GradientCheckpoint.Run run, Tensor gradient) {
    Map<String, Tensor> learned = new LinkedHashMap<>(weights);
    learned.values().removeIf(weight -> Autograd.gathered(weight).isPresent());
    compute(run, gradient);
    learned.values().removeIf(weight -> Autograd.gathered(weight).isEmpty());
    Optional<Late> earlier = parts.stream().filter(part -> part.shares(learned)).findFirst();
    if (earlier.isPresent()) {
      norms.keySet().removeAll(learned.keySet()); // of the earlier batch alone
    } else if (isSmall(gradient) && isLarge(learned)) {
      norms.putAll(norms(gathered(learned)));
    } else {
      return false;
    }
    learned.values().forEach(Autograd::forget);
    Late part = earlier.orElseGet(() -> added(new Late()));
    part.add(run, gradient, learned);
    return true;
  }

  private Late added(Late part) {
    parts.add(part);
    return part;
  }

  private static boolean isLarge(Map<String, Tensor> weights) {
    return weights.values().stream().mapToLong(Tensor::numel).sum() >= WEIGHTS;
  }

  private static boolean isSmall(Tensor gradient) {
    return gradient.dim() == 4 && gradient.size(2) * gradient.size(3) <= PIXELS;
  }

  private void compute(GradientCheckpoint.Run run, Tensor gradient) {
    computing = true;
    try {
      run.backward(gradient);
    } finally {
      computing = false;
    }
  }

  private static Map<String, Tensor> gathered(Map<String, Tensor> weights) {
    Map<String, Tensor> gradients = new LinkedHashMap<>();
    weights.forEach((name, w) -> gradients.put(name, Autograd.gathered(w).orElseThrow()));
    return gradients;
  }

  private Map<String, Tensor> norms(Map<String, Tensor> gradients) {
    Map<String, Tensor> found = new LinkedHashMap<>();
    List<Tensor> all = OptimizerKernels.norms(List.copyOf(gradients.values()));
    gradients.keySet().forEach(name -> found.put(name, keeper.apply(all.get(found.size()))));
    return found;
  }

  /** Returns the names of the weights whose gradients are computed again. */
  public Set<String> names() {
    return parts.stream()
        .flatMap(part -> part.weights.keySet().stream())
        .collect(Collectors.toSet());
  }

  /**
   * Returns the Euclidean norm of all gradients together, float32, shape ().
   *
   * @param kept the gradients of the other weights by name; a weight may have none
   */
  public Tensor norm(Map<String, Tensor> kept) {
    for (Late part : parts) {
      if (!norms.keySet().containsAll(part.weights.keySet())) {
        again(part, gradients -> norms.putAll(norms(gradients)));
      }
    }
    return Scope.run(
        () -> {
          Map<String, Tensor> all = norms(kept);
          all.putAll(norms);
          List<String> names = weights.keySet().stream().filter(all::containsKey).toList();
          return OptimizerKernels.together(names.stream().map(all::get).toList());
        });
  }

  /** Computes the gradients again, a checkpoint at a time, and forgets them after {@code use}. */
  public void each(Consumer<Map<String, Tensor>> use) {
    parts.forEach(part -> again(part, use));
  }

  private void again(Late part, Consumer<Map<String, Tensor>> use) {
    try (Scope scope = Scope.open()) {
      for (int i = 0; i < part.runs.size(); i++) {
        compute(part.runs.get(i), part.gradients.get(i));
      }
      GradientCheckpoint.requireSuccess();
      use.accept(gathered(part.weights));
    } finally {
      part.weights.values().forEach(Autograd::forget);
    }
  }

  /** Frees what is kept for {@link #each}. */
  @Override
  public void close() {
    parts.forEach(Late::free);
  }
}
