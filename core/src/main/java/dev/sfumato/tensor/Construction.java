package dev.sfumato.tensor;

import java.util.ArrayList;
import java.util.List;

/**
 * The construction of an object that owns tensors. If it fails half-way, the tensors that {@link
 * Scope#release} gave to the object are freed. Constructions nest; they belong to a thread.
 *
 * <pre>{@code
 * try (Construction parts = Construction.begin()) {
 *   encoder = new Encoder();
 *   decoder = new Decoder(); // if this fails, the encoder is freed
 *   parts.complete();
 * }
 * }</pre>
 */
public final class Construction implements AutoCloseable {
  private static final ThreadLocal<Construction> CURRENT = new ThreadLocal<>();

  private final Construction outer;
  private final List<Tensor> made = new ArrayList<>();

  private Construction(Construction outer) {
    this.outer = outer;
  }

  /** Begins a construction, inside the current one of this thread if there is one. */
  public static Construction begin() {
    Construction construction = new Construction(CURRENT.get());
    CURRENT.set(construction);
    return construction;
  }

  static void add(Tensor tensor) {
    Construction current = CURRENT.get();
    if (current != null) {
      current.made.add(tensor);
    }
  }

  /** Keeps the tensors: the object is whole. The construction around this one may still fail. */
  public void complete() {
    if (outer != null) {
      outer.made.addAll(made);
    }
    made.clear();
  }

  @Override
  public void close() {
    if (outer == null) {
      CURRENT.remove();
    } else {
      CURRENT.set(outer);
    }
    made.forEach(Tensor::close);
    made.clear();
  }
}
