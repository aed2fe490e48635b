package dev.sfumato.nn;

import dev.sfumato.tensor.Device;
import dev.sfumato.tensor.Tensor;
import java.util.Map;

/**
 * A parameter with something beside it that the checkpoint does not hold and that can learn. A
 * field of this type is a parameter of its module like a field of type {@link Tensor}.
 */
public abstract sealed class ExtendedParameter permits AdaptedWeight, EmbeddingTable {
  private final Tensor parameter;

  ExtendedParameter(long... shape) {
    parameter = Module.parameter(shape);
  }

  /** Returns what is loaded, saved and moved: the parameter alone. */
  public final Tensor parameter() {
    return parameter;
  }

  /** Returns what learns beside the parameter, by names that start with {@code name}. */
  abstract Map<String, Tensor> trained(String name);

  /** Moves what is beside the parameter. */
  abstract void to(Device device);

  /** Frees what is beside the parameter. */
  abstract void close();
}
