package dev.sfumato.tensor;

import java.util.List;

/**
 * The description of one tensor in a file, without its elements.
 *
 * @param name the name in the file, such as {@code conv_in.weight}
 * @param dtype the type of the elements
 * @param shape the sizes of all dimensions
 * @param bytes the size of the elements in the file
 */
public record TensorInfo(String name, DType dtype, List<Long> shape, long bytes) {
  /** Copies {@code shape}. */
  public TensorInfo {
    shape = List.copyOf(shape);
  }
}
