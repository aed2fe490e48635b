package dev.sfumato.tensor;

import org.bytedeco.pytorch.T_TensorTensor_T;
import org.bytedeco.pytorch.global.torch;

/**
 * A symmetric matrix as {@code vectors diag(values) vectors^T}.
 *
 * @param values (D), rising
 * @param vectors (D, D), orthogonal, a column for each value
 */
public record SymmetricEigen(Tensor values, Tensor vectors) {

  /** Takes {@code matrix} (D, D) apart; of the two triangles the lower one is read. */
  public static SymmetricEigen of(Tensor matrix) {
    return Engine.call(
        () -> {
          try (T_TensorTensor_T parts = torch.linalg_eigh(matrix.handle())) {
            return new SymmetricEigen(own(parts.get0()), own(parts.get1()));
          }
        });
  }

  private static Tensor own(org.bytedeco.pytorch.Tensor part) {
    return Tensor.make(() -> new org.bytedeco.pytorch.Tensor(part));
  }
}
